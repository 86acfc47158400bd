#!/usr/bin/env python3
"""Run a shell command and say what it took: `python tools/measure.py 'COMMAND' [MOST_GIB]`.

Ends with a line on the time and on the largest process, in GiB of resident memory; exit code: the
command's, or 3 if it succeeded but a process took more than MOST_GIB."""
import resource
import subprocess
import sys
import time


def main():
    command, *most = sys.argv[1:]
    start = time.time()
    code = subprocess.run(['bash', '-o', 'pipefail', '-c', command]).returncode
    unit = 1 if sys.platform == 'darwin' else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**30
    print(f'the command took {time.time() - start:.0f} s, its largest process {peak:.2f} GiB', flush=True)
    if code == 0 and most and peak > float(most[0]):
        print(f'expected at most {most[0]} GiB', flush=True)
        code = 3
    sys.exit(code)


if __name__ == '__main__':
    main()
