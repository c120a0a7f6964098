"""The simulated cluster: a SimGrid platform file, and the settings of SMPI that go with it.

Nodes of so many cores hang on one switch that is never in the way (a fat tree of full bisection comes to the same, as
all that is sent goes to or from rank 0); the file system hangs there too, as a host whose link has its whole bandwidth.
"""

import os

PLATFORM = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <zone id="all" routing="Full">
    <cluster id="nodes" prefix="n" suffix="" radical="0-{last}" speed="1Gf" core="{cores}"
             bw="{link}GBps" lat="{latency}us" loopback_bw="{memory}GBps" loopback_lat="0.4us" router_id="switch"/>
    <cluster id="storage" prefix="fs" suffix="" radical="0-0" speed="1Gf" bw="{storage}GBps" lat="{latency}us"
             router_id="storage_switch"/>
    <link id="between" bandwidth="100000GBps" latency="0us" sharing_policy="FATPIPE"/>
    <zoneRoute src="nodes" dst="storage" gw_src="switch" gw_dst="storage_switch"><link_ctn id="between"/></zoneRoute>
  </zone>
</platform>
"""
STORAGE_HOST = "fs0"
MEMORY_GBS = 12  # what a message between two ranks of one node moves at
# A network of the InfiniBand kind: no losses that grow with the size of a message, 1 us of a core for each one, and the
# collectives of Open MPI. To look for a message takes 1 us.
SETTINGS = ("smpi/host-speed:1Gf", "smpi/simulate-computation:no", "smpi/coll-selector:ompi", "smpi/bw-factor:0:0.94",
            "smpi/lat-factor:0:1", "smpi/os:0:1e-6:0", "smpi/or:0:1e-6:0", "smpi/test:1e-6", "smpi/iprobe:1e-6",
            "smpi/grow-injected-times:no", "network/TCP-gamma:0", "smpi/display-timing:no")


class Cluster:
    """cores a node, Gb/s of a link, us from host to host, GB/s of the whole file system."""

    def __init__(self, cores=32, gbits=100.0, latency_us=2.0, storage_gbs=50.0):
        self.cores, self.gbits, self.latency_us, self.storage_gbs = cores, gbits, latency_us, storage_gbs

    def describe(self):
        return (f"nodes of {self.cores} cores, {self.gbits:g} Gb/s, {self.latency_us:g} us, "
                f"file system of {self.storage_gbs:g} GB/s")

    def hosts(self, ranks):
        return (ranks + self.cores - 1) // self.cores

    def write(self, folder, ranks):
        """Writes the platform and the host file; smpirun's words for them."""
        platform, hosts = os.path.join(folder, "cluster.xml"), os.path.join(folder, "hosts")
        with open(platform, "w", encoding="utf-8") as file:
            file.write(PLATFORM.format(last=max(self.hosts(ranks) - 1, 1), cores=self.cores, link=self.gbits / 8,
                                       latency=self.latency_us / 2, memory=MEMORY_GBS, storage=self.storage_gbs))
        with open(hosts, "w", encoding="utf-8") as file:
            file.writelines(f"n{rank // self.cores}\n" for rank in range(ranks))
        return ["-np", str(ranks), "-hostfile", hosts, "-platform", platform,
                *("--cfg=" + setting for setting in SETTINGS), "--log=root.thres:critical"]
