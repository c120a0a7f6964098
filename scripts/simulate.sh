#!/usr/bin/env bash
# Runs rgb2gray on a simulated cluster; see --help.
set -euo pipefail

usage() {
    cat <<'HELP'
usage: scripts/simulate.sh [OPTIONS]

Runs the program rgb2gray-mpi itself, built for SimGrid's SMPI, on a simulated cluster of up to a thousand ranks and more,
on this machine. Prints how long it takes and where the time goes, and writes a CSV that `rgb2gray bench scaling --from`
draws. Needs SimGrid (Debian: libsimgrid-dev) and g++; ends with 77 where they are missing. Builds below build/simulate and
changes nothing in other builds.

  --cases LIST       what to run. Default: all of
                       own            PPM to PNG; every rank reads its own rows
                       scatter        PPM to PNG; only rank 0 sees the input, reads and scatters it
                       own-small, scatter-small   the same with --compression small, 200 times as much work
                       place          PPM to PGM; every rank reads and writes its own rows (up to 64 ranks)
                       batch          small images by the messages of `rgb2gray batch`
  --ranks LIST       Default: "1 16 32 64 128 256 512 1024"
  --scaling LIST     strong (the same picture) and weak (a picture in proportion to the ranks). Default: both
  --rows N           height of the picture for strong scaling; all are 65536 wide. Default: 32768
  --rows-a-rank N    height a rank for weak scaling. Default: 256
  --cores N          cores of a node, one rank each. Default: 32
  --gbits X          of each node's link, Gb/s. Default: 100
  --latency X        from node to node, us. Default: 2
  --storage X        the shared file system's bandwidth, GB/s; 0: files take no transfer. Default: 50
  --images N         images a rank for batch. Default: 100
  --image-ms X       what one of them takes a rank, ms. Default: 20
  --csv FILE         Default: out/simulate/scaling.csv
  --source DIR       simulate the sources of another checkout; --build DIR  and build them there

What is real: the plan, shares, bands, all messages with their sizes and order, and which rank does what. What is modelled:
the network (links, latency, 1 us of a core a message, Open MPI's collectives); computing, charged by the block at rates
measured with one process (scripts/simulate/main.py has them), with blocks differing by 15 %; files, as transfers to and from
one host that has the file system's bandwidth, without read-ahead. What is not: memory bandwidth that cores of a node share,
the start of MPI, metadata of the file system, and, but for batch, rank 0's own time for its book-keeping. Pictures are made
up: blocks have their sizes, and no content. (tests/mpi/simulated.py runs it with true pictures, and compares bytes.) Of batch
all is real that finds, gives out and tells, at what it costs on this machine; the images are names that take their time: see
scripts/simulate/batch.c.
HELP
}

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
for word in "$@"; do
    case $word in
    -h | --help)
        usage
        exit 0
        ;;
    esac
done
exec /usr/bin/env python3 "$root/scripts/simulate/main.py" "$@"
