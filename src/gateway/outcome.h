/* What the end of an attempt means for its job. */
#ifndef R2G_GATEWAY_OUTCOME_H
#define R2G_GATEWAY_OUTCOME_H

#include "gateway/launcher.h"

/* Sets problem, exit_code and detail of *job from an attempt that failed. Pure. */
void r2g_outcome_fill(struct r2g_job *job, const struct r2g_attempt *attempt);
/* Whether another attempt may help: it crashed, or the launcher lost it. Pure. */
bool r2g_outcome_retry(const struct r2g_attempt *attempt);
/* After exit code 0: takes in report and result: times, format, size, checksum, the bytes that they take of the quota. Sets
 * problem and detail and returns false where the result is not there or finds no room. */
bool r2g_outcome_take(struct r2g_attempt *attempt, struct r2g_job *job);
/* Moves the report to its place, also after a failure; counts its bytes. Fills times of the report in *job. */
void r2g_outcome_report(struct r2g_attempt *attempt, struct r2g_job *job);
/* Takes a job's folder out of what a program said, and the name of the file that then stands before the cause: clients
 * know no paths of ours. The text is cut where it does not fit. Pure. */
void r2g_outcome_clean(const char *folder, const char *from, char *text, size_t text_nbytes);
/* The format in which the result is written: "png", "jpeg", "bmp" or "pgm". */
const char *r2g_outcome_format(const struct r2g_job *job);

#endif
