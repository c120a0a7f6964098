/* The run that decodes no pixel: the input's compressed luma is carried over into the output. One process, no MPI. */
#ifndef R2G_PIPELINE_TRANSCODE_H
#define R2G_PIPELINE_TRANSCODE_H

#include "pipeline/job.h"

/* As r2g_sequential_run, for a job whose `transcode` says how. */
R2G_MUST_CHECK r2g_status r2g_transcode_run(struct r2g_job *job, struct r2g_output *output,
                                            const struct r2g_options *options, struct r2g_rank_times *times,
                                            struct r2g_error *err);

#endif
