"""What the figures were measured on: the machine, the file system, the versions of everyone who took part."""
import os
import re
import shutil
import subprocess


def first_line(*command):
    """The first line a command prints, or None."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if lines else None


def field(file, name):
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition("=" if file == "/etc/os-release" else ":")
                if key.strip() == name:
                    return value.strip().strip('"')
    except OSError:
        pass
    return None


def caches():
    """The caches of the first CPU, such as "L1d 32K, L2 512K, L3 32768K"."""
    found = []
    folder = "/sys/devices/system/cpu/cpu0/cache"
    for index in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        try:
            level, kind, size = (open(os.path.join(folder, index, name), encoding="ascii").read().strip()
                                 for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction":
            found.append(f"L{level}{'d' if kind == 'Data' else ''} {size}")
    return ", ".join(found) or None


def instruction_sets():
    flags = set((field("/proc/cpuinfo", "flags") or field("/proc/cpuinfo", "Features") or "").split())
    known = (("sse4_1", "SSE4.1"), ("avx2", "AVX2"), ("avx512bw", "AVX-512BW"), ("avx512_vbmi", "AVX-512VBMI"),
             ("asimd", "NEON"))
    return ", ".join(name for flag, name in known if flag in flags) or None


def memory_nbytes():
    text = field("/proc/meminfo", "MemTotal")
    return int(text.split()[0]) * 1024 if text else None


def file_system(folder):
    """Type and device of the file system a folder lies on, by the longest mount point that holds it."""
    folder, best = os.path.realpath(folder), ("", "unknown")
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            device, point, kind = line.split()[:3]
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), point)
            if (folder + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
                best = (point, f"{kind} ({device})")
    return best[1]


def package_version(package):
    text = first_line("dpkg-query", "-W", "-f=${Version}", package)
    return text if text and "no packages" not in text else None


def versions(contenders, program):
    result = {"rgb2gray": first_line(program, "--version")}
    for one in contenders:
        if one.package and (version := package_version(one.package)):
            result[one.package] = version
    result["mpirun"] = first_line("mpirun", "--version")
    return {name: version for name, version in result.items() if version}


def facts(folder, contenders, program):
    model = field("/proc/cpuinfo", "model name") or "unknown"
    family, number = field("/proc/cpuinfo", "cpu family"), field("/proc/cpuinfo", "model")
    return {
        "cpu": f"{model} (family {family}, model {number})" if family else model,
        "cores": len(os.sched_getaffinity(0)),
        "caches": caches(),
        "instruction_sets": instruction_sets(),
        "memory_nbytes": memory_nbytes(),
        "kernel": f"{os.uname().sysname} {os.uname().release} {os.uname().machine}",
        "system": field("/etc/os-release", "PRETTY_NAME"),
        "virtual": "hypervisor" in (field("/proc/cpuinfo", "flags") or "").split(),
        "folder": os.path.realpath(folder),
        "file_system": file_system(folder),
        "load_at_start": os.getloadavg()[0],
        "versions": versions(contenders, program),
    }


def facts_text(machine):
    memory = f"{machine['memory_nbytes'] / 2**30:.1f} GiB" if machine["memory_nbytes"] else "?"
    lines = [
        f"CPU           {machine['cpu']}{', a virtual machine' if machine['virtual'] else ''}",
        f"              {machine['cores']} cores for this process; caches {machine['caches'] or '?'}; "
        f"{machine['instruction_sets'] or '?'}",
        f"memory        {memory}",
        f"system        {machine['system']}, {machine['kernel']}",
        f"files         {machine['folder']} on {machine['file_system']}; inputs in the page cache, each output new",
        f"load          {machine['load_at_start']:.2f} before the first run"
        + ("  ** others use this machine: times and ratios will be off **" if machine["load_at_start"] > 0.5 else ""),
        "versions      " + "; ".join(f"{name} {version.removeprefix(name + ' ')}"
                                     for name, version in machine["versions"].items()),
    ]
    return "\n".join(lines)
