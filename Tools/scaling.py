#!/usr/bin/env python3
"""How a second thread helps: convolutions beside a loop of multiply-adds and beside copying, in one run.

    swift build -c release
    python3 Tools/scaling.py

Cores that share a processor's units, clock or memory do not double it, whatever runs on them. So the gain of a convolution
that computes is set beside that of a loop that does nothing but multiply and add, and the gain of one that reads and writes
beside that of copying: medians of rounds in which all take turns. Needs a C compiler.
"""
import argparse, json, pathlib, statistics, subprocess, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VOLUTE = ROOT / ".build/release/volute"

LOOPS = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef float lanes __attribute__((vector_size(64)));
static int copies;
static volatile float half = 0.5f;

static void *work(void *unused) {
  if (copies) {
    size_t size = 64 << 20;
    char *from = malloc(size), *to = malloc(size);
    memset(from, 1, size), memset(to, 1, size);
    for (int i = 0; i < 12; i++) memcpy(to, from, size), from[i] = to[size - 1 - i];
    free(from), free(to);
    return NULL;
  }
  lanes sum[16], factor = (lanes){0} + half;
  for (int j = 0; j < 16; j++) sum[j] = factor + (float)j;
  for (long i = 0; i < 30000000; i++)
    for (int j = 0; j < 16; j++) sum[j] = sum[j] * factor + factor;
  float total = 0;
  for (int j = 0; j < 16; j++) total += sum[j][0];
  return total == 12345 ? &copies : NULL;
}

int main(int count, char **arguments) {
  int threads = atoi(arguments[1]);
  copies = atoi(arguments[2]);
  pthread_t ids[64];
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < threads; i++) pthread_create(&ids[i], NULL, work, NULL);
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%g\n", (end.tv_sec - start.tv_sec) + 1e-9 * (end.tv_nsec - start.tv_nsec));
}
"""

COMPUTING = [
    ("(1,64,32³) k=3, direct", "conv3d --input-shape 1,64,32,32,32 --weight-shape 64,64,3,3,3 --padding 1 --algorithm direct"),
    ("(1,32,64³) k=3", "conv3d --input-shape 1,32,64,64,64 --weight-shape 32,32,3,3,3 --padding 1"),
    ("(1,7,100³) k=50", "conv3d --input-shape 1,7,100,100,100 --weight-shape 1,7,50,50,50"),
    ("weight gradient of (1,32,64³) k=3",
     "conv3d --input-shape 1,32,64,64,64 --weight-shape 32,32,3,3,3 --padding 1 --direction weight-gradient"),
]
MOVING = [
    ("(1,7,100³) k=1 → 1", "conv3d --input-shape 1,7,100,100,100 --weight-shape 1,7,1,1,1"),
    ("(1,1,100³) k=1 → 12", "conv3d --input-shape 1,1,100,100,100 --weight-shape 12,1,1,1,1"),
]


def loop(program, copies, threads):
    """Work a second, in units of one thread's."""
    seconds = float(subprocess.run([program, str(threads), str(int(copies))], check=True, capture_output=True).stdout)
    return threads / seconds


def convolution(words, threads):
    out = subprocess.run([VOLUTE, "bench", *words.split(), "--threads", str(threads), "--repeat", "9", "--json"],
                         check=True, capture_output=True)
    return 1 / json.loads(out.stdout)["median_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "loops.c"
        source.write_text(LOOPS)
        program = str(source.with_suffix(""))
        subprocess.run(["cc", "-O3", "-march=native", "-pthread", str(source), "-o", program], check=True)
        for name, copies, cases in [("multiply-adds", False, COMPUTING), ("copying", True, MOVING)]:
            runs = {name: lambda threads: loop(program, copies, threads)}
            for case, words in cases:
                runs[case] = lambda threads, words=words: convolution(words, threads)
            gains = {key: [] for key in runs}
            for _ in range(options.rounds):
                for key, run in runs.items():
                    gains[key].append(run(options.threads) / run(1))
            limit = statistics.median(gains[name])
            print(f"{options.threads} threads, {name}: {limit:.2f} times one thread")
            for case, _ in cases:
                gain = statistics.median(gains[case])
                print(f"  {case:36} {gain:.2f}   {gain / limit:.2f} of that")


if __name__ == "__main__":
    main()
