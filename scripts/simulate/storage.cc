#include "storage.h"

#include <simgrid/s4u.hpp>
#include <smpi/smpi.h>
#include <unistd.h>

// Hosts do 10^9 operations a second: see cluster.py.
static const double HOST_SPEED_A_NS = 1.0;
static simgrid::s4u::ActorPtr second;

namespace {
// While a rank waits, what this process computes for the others must not be charged to it. The second thread is no rank.
class Waiting {
public:
    Waiting() : is_rank(simgrid::s4u::this_actor::get_name() != SECOND) {
        if (is_rank)
            smpi_bench_end();
    }
    ~Waiting() {
        if (is_rank)
            smpi_bench_begin();
    }
    static constexpr const char *SECOND = "second";

private:
    const bool is_rank;
};
} // namespace

void r2g_simulated_work(double ns) {
    const Waiting waiting;
    if (ns > 0)
        simgrid::s4u::this_actor::execute(ns * HOST_SPEED_A_NS);
}

void r2g_simulated_transfer(const char *storage, bool to_storage, double nbytes) {
    if (storage == nullptr || nbytes < 1)
        return;
    namespace s4u = simgrid::s4u;
    const Waiting waiting;
    s4u::Host *there = s4u::Host::by_name(storage), *here = s4u::Host::current();
    if (to_storage)
        s4u::Comm::sendto(here, there, static_cast<uint64_t>(nbytes));
    else
        s4u::Comm::sendto(there, here, static_cast<uint64_t>(nbytes));
}

void r2g_simulated_thread(void *(*run)(void *), void *user) {
    second = simgrid::s4u::Actor::create(Waiting::SECOND, simgrid::s4u::Host::current(), [run, user]() { run(user); });
}

void r2g_simulated_pause() {
    const Waiting waiting;
    simgrid::s4u::this_actor::sleep_for(20e-6);
}

void r2g_simulated_join() {
    const Waiting waiting;
    second->join();
    second = nullptr;
}

pid_t r2g_simulated_process() {
    return getpid();
}
