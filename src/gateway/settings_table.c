#include "gateway/settings_table.h"

#include "gateway/settings.h"

#define AT(member) offsetof(struct r2g_settings, member)
#define ANY UINT32_MAX

/* clang-format off */
const struct r2g_setting r2g_settings_table[] = {
    {"bind", 0, "ADDRESS", R2G_SETTING_TEXT, R2G_SETTING_GROUP_LISTEN, AT(bind), 0, 0, "127.0.0.1",
        "The IPv4 address to listen on; 0.0.0.0 is all of this computer's. Any but loopback needs a token, or "
        "--insecure."},
    {"port", 0, "PORT", R2G_SETTING_PORT, R2G_SETTING_GROUP_LISTEN, AT(port), 0, 65535, "8080",
        "The port to listen on. 0: one that is free; the line on standard output tells which."},
    {"host", 0, "NAME", R2G_SETTING_LIST, R2G_SETTING_GROUP_LISTEN, AT(hosts), 0, 0, NULL,
        "A further name that this server is reached by, such as gray.example.org. Requests whose Host header names "
        "another server are refused. May be repeated."},
    {"tls-cert", 0, "FILE", R2G_SETTING_TEXT, R2G_SETTING_GROUP_LISTEN, AT(tls_certificate), 0, 0, NULL,
        "Speak HTTPS with the certificate chain and key in this PEM file. Refused where this computer's civetweb "
        "cannot do it; then let a proxy speak it in front."},
    {"trusted-proxy", 0, "ADDRESS", R2G_SETTING_TEXT, R2G_SETTING_GROUP_LISTEN, AT(trusted_proxy), 0, 0, NULL,
        "The address of a proxy in front, whose X-Forwarded-For and X-Forwarded-Proto are believed."},
    {"token", 0, "NAME:SHA256", R2G_SETTING_TOKEN, R2G_SETTING_GROUP_LISTEN, AT(tokens), 0, 0, NULL,
        "Lets a client in that shows the token with this SHA-256 (Authorization: Bearer TOKEN), and calls it NAME. "
        "In the configuration file only; --new-token makes the line. May be repeated. Where there is one, all but the "
        "page, /healthz and /readyz need it."},
    {"insecure", 0, NULL, R2G_SETTING_FLAG, R2G_SETTING_GROUP_LISTEN, AT(insecure), 0, 0, "no",
        "Let everyone in who reaches an address that is not loopback."},

    {"spool", 0, "FOLDER", R2G_SETTING_TEXT, R2G_SETTING_GROUP_PLACES, AT(spool), 0, 0, NULL,
        "Where jobs and uploads are kept. Default: $XDG_STATE_HOME/rgb2gray, else ~/.local/state/rgb2gray; for root "
        "/var/lib/rgb2gray. With Slurm or a host file it must be on a file system that all hosts see."},
    {"web", 0, "FOLDER", R2G_SETTING_TEXT, R2G_SETTING_GROUP_PLACES, AT(web), 0, 0, NULL,
        "The page's files. Default: those that were installed, or built, with this program."},
    {"program", 0, "FILE", R2G_SETTING_TEXT, R2G_SETTING_GROUP_PLACES, AT(program), 0, 0, NULL,
        "The program rgb2gray. Default: the one beside this program, else the one in PATH."},

    {"max-body", 0, "SIZE", R2G_SETTING_SIZE, R2G_SETTING_GROUP_REQUESTS, AT(max_body_nbytes), 0, 0, "8GiB",
        "The largest file that is taken."},
    {"connections", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_REQUESTS, AT(connections), 4, 8192, "512",
        "Connections at once; each has a thread. A third of them may be event streams."},
    {"client-connections", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_REQUESTS, AT(client_connections), 1, 8192,
        "256", "Of these, one client's."},
    {"requests-a-minute", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_REQUESTS, AT(requests_a_minute), 0, 1000000,
        "6000", "Requests of one client; the sixth part of it may come at once. 0: no limit."},
    {"header-timeout", 0, "TIME", R2G_SETTING_SECONDS, R2G_SETTING_GROUP_REQUESTS, AT(header_timeout_s), 1, 600, "10s",
        "For the header of a request to come. Also the longest silence within a body."},
    {"body-rate", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_REQUESTS, AT(body_rate), 0, 1000000000, "1024",
        "Bytes a second that a body must bring after its first ten seconds, and that a client must take. 0: no limit."},

    {"launcher", 0, "KIND", R2G_SETTING_LAUNCHER, R2G_SETTING_GROUP_JOBS, AT(launcher), 0, 0, "auto",
        "How jobs are run: mpirun (a process group for each), pool (ranks that stay, for small pictures), slurm "
        "(sbatch), or auto (pool or mpirun, by size)."},
    {"ranks", 'n', "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_JOBS, AT(ranks), 1, 65535, NULL,
        "Processes of a job that names no number. Default: the CPUs that this program may use."},
    {"max-ranks", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_JOBS, AT(max_ranks), 1, 65535, NULL,
        "Processes that a job may ask for. Default: --ranks."},
    {"hostfile", 0, "FILE", R2G_SETTING_TEXT, R2G_SETTING_GROUP_JOBS, AT(hostfile), 0, 0, NULL,
        "Run jobs on the hosts that FILE lists (see mpirun)."},
    {"mca", 0, "NAME=VALUE", R2G_SETTING_LIST, R2G_SETTING_GROUP_JOBS, AT(mca), 0, 0, NULL,
        "A parameter of Open MPI for every job. May be repeated."},
    {"pool-max-pixels", 0, "N", R2G_SETTING_COUNT, R2G_SETTING_GROUP_JOBS, AT(pool_max_pixels), 0, 0, "16M",
        "Under auto: larger pictures go to mpirun."},
    {"jobs", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_JOBS, AT(jobs), 1, 1000, NULL,
        "Jobs that run at once. Default: 1; under slurm 16."},
    {"queue", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_JOBS, AT(queue), 1, 1000000, "1000",
        "Jobs that may wait; further ones are refused."},
    {"client-queue", 0, "N", R2G_SETTING_NUMBER, R2G_SETTING_GROUP_JOBS, AT(client_queue), 1, 1000000, NULL,
        "Of these, one client's. Default: --queue."},
    {"max-pixels", 0, "N", R2G_SETTING_COUNT, R2G_SETTING_GROUP_JOBS, AT(max_pixels), 0, 0, "2G",
        "The largest picture, by what its header declares: pixels, and samples up to three times as many. 0: no limit."},
    {"job-memory", 0, "SIZE", R2G_SETTING_SIZE, R2G_SETTING_GROUP_JOBS, AT(job_mem_nbytes), 0, 0, "2GiB",
        "Memory for the buffers of one process of a job."},
    {"job-time", 0, "TIME", R2G_SETTING_SECONDS, R2G_SETTING_GROUP_JOBS, AT(job_wall_s), 1, 31536000, "1h",
        "The longest that a job may run."},

    {"sbatch-option", 0, "WORD", R2G_SETTING_LIST, R2G_SETTING_GROUP_SLURM, AT(sbatch_options), 0, 0, NULL,
        "One word for sbatch, such as --partition=imaging. May be repeated."},
    {"slurm-poll", 0, "TIME", R2G_SETTING_SECONDS, R2G_SETTING_GROUP_SLURM, AT(slurm_poll_s), 1, 3600, "2s",
        "How often Slurm is asked for the state of jobs."},

    {"quota", 0, "SIZE", R2G_SETTING_SIZE, R2G_SETTING_GROUP_KEEPING, AT(quota_nbytes), 0, 0, "64GiB",
        "The most that the spool may hold."},
    {"client-uploads", 0, "SIZE", R2G_SETTING_SIZE, R2G_SETTING_GROUP_KEEPING, AT(client_uploads_nbytes), 0, 0, NULL,
        "Of this, what one client's unfinished uploads may set aside together; a single one always may. Default: a "
        "quarter of --quota."},
    {"expire", 0, "TIME", R2G_SETTING_SECONDS, R2G_SETTING_GROUP_KEEPING, AT(expire_s), 1, ANY, "24h",
        "How long a job and its files are kept after its end."},
    {"upload-expire", 0, "TIME", R2G_SETTING_SECONDS, R2G_SETTING_GROUP_KEEPING, AT(upload_expire_s), 1, ANY, "24h",
        "How long an unfinished upload is kept after its last byte."},

    {"config", 'c', "FILE", R2G_SETTING_CONFIG, R2G_SETTING_GROUP_OTHER, 0, 0, 0, NULL,
        "Read settings from FILE. The command line wins."},
    {"quiet", 'q', NULL, R2G_SETTING_FLAG, R2G_SETTING_GROUP_OTHER, AT(quiet), 0, 0, "no",
        "No line on standard error for each request."},
    {"new-token", 0, "NAME", R2G_SETTING_COMMAND, R2G_SETTING_GROUP_OTHER, 0, R2G_GATEWAY_NEW_TOKEN, 0, NULL,
        "Print a new token, which is not kept anywhere, and the line that lets it in; then end."},
    {"help", 'h', NULL, R2G_SETTING_COMMAND, R2G_SETTING_GROUP_OTHER, 0, R2G_GATEWAY_HELP, 0, NULL, "Show this help."},
    {"version", 0, NULL, R2G_SETTING_COMMAND, R2G_SETTING_GROUP_OTHER, 0, R2G_GATEWAY_VERSION, 0, NULL,
        "Show the version of this program and of the libraries it uses."},
    {"man", 0, NULL, R2G_SETTING_COMMAND, R2G_SETTING_GROUP_OTHER, 0, R2G_GATEWAY_MAN, 0, NULL, NULL},
    {NULL, 0, NULL, R2G_SETTING_COMMAND, R2G_SETTING_GROUP_OTHER, 0, 0, 0, NULL, NULL},
};
/* clang-format on */

const char *const r2g_setting_group_titles[R2G_SETTING_GROUPS] = {
    [R2G_SETTING_GROUP_LISTEN] = "Where it listens, and to whom",
    [R2G_SETTING_GROUP_PLACES] = "Where things lie",
    [R2G_SETTING_GROUP_REQUESTS] = "Limits of requests",
    [R2G_SETTING_GROUP_JOBS] = "Jobs",
    [R2G_SETTING_GROUP_SLURM] = "Slurm",
    [R2G_SETTING_GROUP_KEEPING] = "How long things are kept",
    [R2G_SETTING_GROUP_OTHER] = "Other",
};
