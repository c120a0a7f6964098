/* Reasons for which a job waits in Slurm: which of them go by themselves, and which never do. The names are squeue's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/slurm.h"

static void never_clear(void **state) {
    (void)state;
    static const char *const reasons[] = {"PartitionTimeLimit",
                                          "BadConstraints",
                                          "DependencyNeverSatisfied",
                                          "InvalidAccount",
                                          "InvalidQOS",
                                          "JobHoldMaxRequeue",
                                          "AssocMaxWallDurationPerJobLimit",
                                          "AssocMaxCpuPerJobLimit",
                                          "QOSMaxWallDurationPerJobLimit",
                                          "QOSMaxNodePerJobLimit",
                                          "QOSMinCpuNotSatisfied"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (!r2g_slurm_hopeless(reasons[i]))
            fail_msg("%s", reasons[i]);
    }
}

static void may_clear(void **state) {
    (void)state;
    static const char *const reasons[] = {"",
                                          "None",
                                          "Priority",
                                          "Resources",
                                          "BeginTime",
                                          "Dependency",
                                          "Licenses",
                                          "NodeDown",
                                          "ReqNodeNotAvail",
                                          "Reservation",
                                          "PartitionDown",
                                          "PartitionInactive",
                                          "PartitionNodeLimit",
                                          "JobHeldAdmin",
                                          "JobHeldUser",
                                          "AssocGrpCpuLimit",
                                          "AssocGrpCPUMinutesLimit",
                                          "AssocMaxJobsLimit",
                                          "QOSGrpNodeLimit",
                                          "QOSMaxJobsPerUserLimit",
                                          "QOSMaxCpuPerUserLimit",
                                          "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher "
                                          "priority partitions"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (r2g_slurm_hopeless(reasons[i]))
            fail_msg("%s", reasons[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(never_clear), cmocka_unit_test(may_clear)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
