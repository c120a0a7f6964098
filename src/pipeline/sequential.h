/* The sequential run: the same stages as in the distributed one, in one process, without any MPI call. It is the base
 * line that parallel runs are compared with.
 */
#ifndef R2G_PIPELINE_SEQUENTIAL_H
#define R2G_PIPELINE_SEQUENTIAL_H

#include "pipeline/convert.h"
#include "pipeline/job.h"

/* Reads, converts, encodes and writes everything into `output`, which is not committed. *times receives the phases. */
R2G_MUST_CHECK r2g_status r2g_sequential_run(struct r2g_job *job, struct r2g_output *output,
                                             const struct r2g_options *options, struct r2g_rank_times *times,
                                             struct r2g_error *err);

/* One run from file to file, timed. */
struct r2g_run_result {
    struct r2g_output *output; /* not committed; NULL on ranks that do not write */
    int64_t wall_ns;           /* from opening the input to the last byte written */
    struct r2g_rank_times times;
};

/* A whole sequential run. *result receives output and times; the caller closes the output, also after a failure. With
 * `report` (may be NULL) what is known of input, output and plan is filled in, also as far as it came on a failure. */
R2G_MUST_CHECK r2g_status r2g_sequential_file(const struct r2g_request *request, struct r2g_run_result *result,
                                              struct r2g_report *report, struct r2g_error *err);

/* Opens the output file of a request. */
R2G_MUST_CHECK r2g_status r2g_request_output(const struct r2g_request *request, bool named, struct r2g_output **output,
                                             struct r2g_error *err);

/* Commits the output and adds the time to the result; `report` (may be NULL) learns the size. */
R2G_MUST_CHECK r2g_status r2g_result_commit(struct r2g_run_result *result, struct r2g_report *report,
                                            struct r2g_error *err);

/* The last step of a conversion: r2g_result_commit, booked in the report's run but in a comparison, whose times leave it
 * out on both sides. */
R2G_MUST_CHECK r2g_status r2g_convert_commit(struct r2g_run_result *result, bool compare, struct r2g_report *report,
                                             struct r2g_error *err);

/* Where this process runs. */
struct r2g_rank_place r2g_own_place(void);

/* Calls the progress function, if any. R2G_ECANCELED when it says stop. */
R2G_MUST_CHECK r2g_status r2g_progress_tell(const struct r2g_options *options, const struct r2g_raster *raster,
                                            uint64_t done_rows, struct r2g_error *err);

#endif
