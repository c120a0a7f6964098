"""Several hosts on one machine, with Slurm on them if wanted.

enter() runs the test again in namespaces of its own (processes, mounts, network, host name). The test itself then is on
the first host; each further host is a network namespace that a sleeping process holds. They have a network that no other
test and no user sees, /etc/hosts and /dev/shm of their own, and no process of theirs outlives the test, however it ends,
since the first process of their process namespace is the test.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

INSIDE = "RGB2GRAY_TEST_CLUSTER"  # the folder for everything, in the environment of a test that is inside
SUBNET = "10.213.77."             # of a network that is not connected to any other
SLURM = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "munged")


def skip(why):
    print(f"{why}: skipped")
    sys.exit(77)


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def run(*words, env=None, check=True, seconds=30):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=env,
                          check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(condition, what, seconds):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise RuntimeError(f"{what} within {seconds} s")
        time.sleep(0.05)


def enter(programs=(), seconds=250):
    """Returns inside only; outside it waits for that, removes what is left, and ends with its status."""
    if INSIDE in os.environ:
        return
    if os.geteuid() != 0:
        skip("network namespaces need root")
    for program in ("setpriv", "unshare", "nsenter", "ip", "mount", *programs):
        if not find(program):
            skip(f"{program} is missing")
    into = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    probe = "ip link add probe0 type veth peer name probe1 && ip link add probe2 type bridge && mount -t tmpfs none /mnt"
    if subprocess.run([*into, "sh", "-c", probe], capture_output=True, check=False).returncode != 0:
        skip("namespaces with networks of their own cannot be made here")
    folder = tempfile.mkdtemp(prefix="rgb2gray-cluster-")
    os.chmod(folder, 0o711)  # munge's socket is in it
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("OMPI_", "PMIX_", "PMI_", "SLURM_", "SBATCH_", "SQUEUE_"))}
    env.update({INSIDE: folder, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"})
    # killed when this one dies, and with it all that it has started
    inside = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *into, sys.executable, *sys.argv], env=env)
    try:
        status = inside.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"FAILED: not done within {seconds} s", flush=True)
        status = 1
    finally:
        inside.kill()
        inside.wait()
        shutil.rmtree(folder, ignore_errors=True)
        for left in glob.glob(f"/tmp/ompi.{host_name(folder, '*')}.*"):  # of MPI's processes that were killed
            shutil.rmtree(left, ignore_errors=True)
    sys.exit(status if status >= 0 else 1)


def host_name(folder, number):
    """Tells hosts of several tests apart, since temporary files of Open MPI have it in their names."""
    tag = "".join(c for c in os.path.basename(folder).removeprefix("rgb2gray-cluster-") if c.isalnum()).lower()
    return f"r2g{tag}n{number}"


class Hosts:
    """`count` hosts; their names are in `names`. The test is on names[0], whose network the others are connected by."""

    def __init__(self, count):
        self.folder = os.environ[INSIDE]
        self.names = [host_name(self.folder, number) for number in range(1, count + 1)]
        self.addresses = dict(zip(self.names, (SUBNET + str(number) for number in range(1, count + 1))))
        self.holders = {}
        os.mkdir(os.path.join(self.folder, "hosts"))
        self._own_files()
        run("hostname", self.names[0])
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "eth0", "type", "bridge")
        run("ip", "addr", "add", self.addresses[self.names[0]] + "/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
        self._note(self.names[0], os.getpid())
        for name in self.names[1:]:
            self._add(name)
        self.agent = self._make_agent()

    def _own_files(self):
        path = os.path.join(self.folder, "etc-hosts")
        with open(path, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost\n")
            file.writelines(f"{address} {name}\n" for name, address in self.addresses.items())
        run("mount", "--bind", path, "/etc/hosts")
        run("mount", "-t", "tmpfs", "-o", "size=1g,mode=1777", "none", "/dev/shm")

    def _note(self, name, pid):
        with open(os.path.join(self.folder, "hosts", name), "w", encoding="ascii") as file:
            file.write(f"{pid}\n")

    def _add(self, name):
        holder = subprocess.Popen(["unshare", "--net", "--uts", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        self.holders[name] = holder
        own = os.readlink("/proc/self/ns/net")
        uts = os.readlink("/proc/self/ns/uts")
        wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own
                   and os.readlink(f"/proc/{holder.pid}/ns/uts") != uts, "no namespace for a host", 10)
        self._note(name, holder.pid)
        link = self.link(name)
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
        run("ip", "link", "set", link, "master", "eth0", "up")
        run(*self.at(name), "hostname", name)
        run(*self.at(name), "ip", "addr", "add", self.addresses[name] + "/24", "dev", "eth0")
        run(*self.at(name), "ip", "link", "set", "eth0", "up")
        run(*self.at(name), "ip", "link", "set", "lo", "up")

    def _make_agent(self):
        """Runs a command on a host, as ssh would: AGENT HOST COMMAND..."""
        path = os.path.join(self.folder, "agent")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\nread -r pid < {self.folder}/hosts/\"$1\" || exit 255\nshift\n"
                       "exec nsenter --net=/proc/$pid/ns/net --uts=/proc/$pid/ns/uts -- "
                       "env -i HOME=/root PATH=\"$PATH\" sh -c \"$*\"\n")
        os.chmod(path, 0o700)
        return path

    def link(self, name):
        return f"to{self.names.index(name) + 1}"

    def at(self, name):
        """What goes before a command that is to run there."""
        if name == self.names[0]:
            return []
        pid = self.holders[name].pid
        return ["nsenter", f"--net=/proc/{pid}/ns/net", f"--uts=/proc/{pid}/ns/uts", "--"]

    def cut(self, name):
        run("ip", "link", "set", self.link(name), "down")

    def mend(self, name):
        """Until all hosts reach each other again: for a second or so, some still remember that they could not (Open MPI does
        not try twice: a run fails at its start, or waits for ever)."""
        run("ip", "link", "set", self.link(name), "up")
        for host in self.names:
            run(*self.at(host), "ip", "neigh", "flush", "dev", "eth0")
        for host in self.names:
            for address in self.addresses.values():
                wait_until(lambda: self._reaches(host, address), f"{host} does not reach {address}", 20)

    def _reaches(self, host, address):
        """A port where nobody listens answers as well."""
        tried = subprocess.run([*self.at(host), "timeout", "5", "bash", "-c", f": > /dev/tcp/{address}/9"],
                               capture_output=True, text=True, check=False)
        return "refused" in tried.stderr


CONFIGURATION = """\
ClusterName=rgb2gray
SlurmctldHost={first}({address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdSpoolDir={folder}/spool.%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
TmpFS={folder}/tmp.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed
ReturnToService=2
SlurmdTimeout=5
SlurmctldTimeout=5
KillWait=2
"""


class Slurm(Hosts):
    """Each host is a node of one processor, all of them in the partition `main`; `short` is for jobs of a minute."""

    def __init__(self, count):
        super().__init__(count)
        self.conf = os.path.join(self.folder, "slurm.conf")
        self.daemons = {}
        self._write_configuration()
        self.env = dict(os.environ, SLURM_CONF=self.conf)
        self._start_munge()
        self.daemons["slurmctld"] = self._daemon([], "slurmctld", "-D", "-f", self.conf)
        for name in self.names:
            self.start_node(name)
        self.wait_for_nodes()

    def _write_configuration(self):
        for part in ("munge", "state", *(f"{kind}.{name}" for kind in ("spool", "tmp") for name in self.names)):
            os.mkdir(os.path.join(self.folder, part), 0o711)
        first = self.names[0]
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(folder=self.folder, first=first, address=self.addresses[first]))
            for name in self.names:
                file.write(f"NodeName={name} NodeAddr={self.addresses[name]} CPUs=1 RealMemory=500\n")
            nodes = ",".join(self.names)
            file.write(f"PartitionName=main Nodes={nodes} Default=YES MaxTime=120 State=UP\n"
                       f"PartitionName=short Nodes={nodes} MaxTime=1 State=UP\n")

    def _daemon(self, before, *words):
        with open(os.path.join(self.folder, "daemons.log"), "ab") as log:
            return subprocess.Popen([*before, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=dict(os.environ, SLURM_CONF=self.conf), start_new_session=True)

    def _start_munge(self):
        folder = os.path.join(self.folder, "munge")
        with open(os.path.join(folder, "key"), "wb") as file:
            file.write(os.urandom(1024))
        os.chmod(file.name, 0o400)
        files = (f"--{name}={folder}/{name.split('-')[0]}" for name in ("socket", "key-file", "log-file", "pid-file",
                                                                       "seed-file"))
        self.daemons["munged"] = self._daemon([], "munged", "--foreground", "--force", *files)
        wait_until(lambda: os.path.exists(os.path.join(folder, "socket")), "munge does not start", 10)

    def start_node(self, name):
        self.daemons[name] = self._daemon(self.at(name), "slurmd", "-D", "-f", self.conf, "-N", name)

    def kill_node(self, name):
        """Its slurmd; jobs on it do not notice."""
        self.daemons[name].kill()
        self.daemons[name].wait()

    def wait_for_nodes(self, seconds=30):
        wait_until(lambda: set(self.ask("sinfo", "--noheader", "--format=%T", check=False).split()) == {"idle"},
                   "Slurm's nodes are not ready", seconds)

    def ask(self, *words, check=True):
        return run(*words, env=self.env, check=check)

    def queue(self):
        """Name, number and state of what is in the queue."""
        lines = self.ask("squeue", "--noheader", "--format=%j %A %T").splitlines()
        return [tuple(line.split()) for line in lines if line]

    def known(self):
        """Numbers by name of all jobs of the last minutes, ended or not."""
        numbers = {}
        for line in self.ask("squeue", "--noheader", "--states=all", "--format=%j %A").splitlines():
            name, number = line.split()
            numbers.setdefault(name, []).append(number)
        return numbers

    def logs(self):
        texts = []
        for path in sorted(glob.glob(os.path.join(self.folder, "*.log"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(f"== {os.path.basename(path)}\n" + "".join(file.readlines()[-25:]))
        return "".join(texts)
