/* For sanitized programs: keeps Open MPI's plugins loaded, so that a leak report can name them and tests/lsan.supp can
 * tell Open MPI's own leaks from ours. */

int dlclose(void *handle);

int dlclose(void *handle) {
    (void)handle;
    return 0;
}
