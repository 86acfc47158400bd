#!/usr/bin/env python3
"""MViT-B 16×4 here and elsewhere: same weights, same clips, alternating runs in one process, medians.

    python benchmarks/compare.py [--runs 7] [--works infer1 infer4 train2 bf16] [--json FILE]

Compares `mvit_nb` with torchvision's `mvit_v1_b`, if torchvision can be imported (it is no dependency), and with the floor: the bare matrix
products of the forward pass (linear layers and attention products of the same shapes). Prints a Markdown table, writes JSON if asked."""
import argparse
import contextlib
import json
import platform
import statistics
import time

import torch
import torch.nn.functional as F

import mvit_nb


def import_torchvision():
    """torchvision's MViT, or None. Builds for another torch register operators that are missing here; MViT needs none of them."""
    register = torch.library.register_fake

    def skip_missing(name, *args, **kwargs):
        if isinstance(name, str) and name.startswith('torchvision::'):
            return lambda function: function
        return register(name, *args, **kwargs)

    torch.library.register_fake = skip_missing
    try:
        from torchvision.models.video import mvit_v1_b
        return mvit_v1_b
    except (ImportError, RuntimeError):
        return None
    finally:
        torch.library.register_fake = register


def models():
    """{name: model}, all with the same weights."""
    torch.manual_seed(0)
    ours, peer = mvit_nb.create_model('mvit_b_16x4'), import_torchvision()
    if peer is None:
        return {'mvit_nb': ours}
    theirs = peer(stochastic_depth_prob=0.0, dropout=0.0)
    mvit_nb.load_checkpoint(ours, theirs.state_dict())
    return {'mvit_nb': ours, 'torchvision': theirs}


def floor(config, batch):
    """A function that runs the matrix products of one forward pass and nothing else."""
    jobs = []
    for row in mvit_nb.block_plan(config):
        cls = int(config.cls_token)
        n, n_q, n_kv = (batch * (t[0] * t[1] * t[2] + cls) for t in (row.thw_in, row.thw_out, row.thw_kv))
        hidden, d = int(row.dim * config.mlp_ratio), row.dim // row.num_heads
        sizes = [(n, row.dim, 3 * row.dim), (n_q, row.dim, row.dim), (n_q, row.dim, hidden), (n_q, hidden, row.dim_out)]
        if row.dim != row.dim_out:
            sizes.append((n_q, row.dim, row.dim_out))
        jobs += [(F.linear, (torch.randn(rows, a), torch.randn(b, a), torch.randn(b))) for rows, a, b in sizes]
        heads = [torch.randn(batch, row.num_heads, rows // batch, d) for rows in (n_q, n_kv, n_kv)]
        jobs.append((F.scaled_dot_product_attention, heads))

    def run(_):
        for function, tensors in jobs:
            function(*tensors)
    return run


def alternate(works, clips, runs):
    """{name: seconds of each run}, one run of each in turn; the first round warms up."""
    seconds = {name: [] for name in works}
    for i in range(runs + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work(clips)
            if i:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def inference(nets, batch, runs, dtype=None):
    """Seconds of a forward pass without gradients; under bfloat16 autocast if asked."""
    clips = torch.randn(batch, 3, 16, 224, 224)
    cast = torch.autocast('cpu', dtype) if dtype else contextlib.nullcontext()
    with torch.no_grad(), cast:
        outputs = {name: net.eval()(clips).float() for name, net in nets.items()}
        first = next(iter(outputs.values()))
        worst = max(((o - first).norm() / first.norm()).item() for o in outputs.values())
        assert worst < (1e-5 if dtype is None else 0.05), f'the models disagree by {worst:.1e}'
        works = {name: net for name, net in nets.items()}
        if dtype is None:
            works['matrix products'] = floor(mvit_nb.get_config('mvit_b_16x4'), batch)
        return alternate(works, clips, runs)


def training(nets, batch, runs):
    """Seconds of forward, loss and backward."""
    labels = torch.arange(batch)

    def step(net):
        def run(clips):
            net.zero_grad(set_to_none=True)
            F.cross_entropy(net(clips), labels).backward()
        return run
    return alternate({name: step(net.train()) for name, net in nets.items()}, torch.randn(batch, 3, 16, 224, 224), runs)


WORKS = {'infer1': ('inference, batch 1, float32', lambda nets, runs: inference(nets, 1, runs)),
         'infer4': ('inference, batch 4, float32', lambda nets, runs: inference(nets, 4, runs)),
         'bf16': ('inference, batch 1, bfloat16 autocast', lambda nets, runs: inference(nets, 1, runs, torch.bfloat16)),
         'train2': ('training step, batch 2, float32', lambda nets, runs: training(nets, 2, runs))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=7, help='timed rounds (default: 7)')
    parser.add_argument('--works', nargs='+', choices=WORKS, default=list(WORKS))
    parser.add_argument('--json', metavar='FILE')
    args = parser.parse_args()
    machine = dict(machine=platform.processor() or platform.machine(), threads=torch.get_num_threads(), torch=torch.__version__,
                   python=platform.python_version(), runs=args.runs)
    print(', '.join(f'{k} {v}' for k, v in machine.items()), '\n')
    print('| work | what | median s | fastest to slowest | its time over mvit_nb\'s |\n| --- | --- | --- | --- | --- |', flush=True)
    nets, results = models(), {}
    for name in args.works:
        title, work = WORKS[name]
        results[name] = seconds = work(nets, args.runs)
        ours = statistics.median(seconds['mvit_nb'])
        for what, times in seconds.items():
            print(f'| {title} | {what} | {statistics.median(times):.3f} | {min(times):.3f} to {max(times):.3f} | '
                  f'{statistics.median(times) / ours:.2f} |', flush=True)
    if args.json:
        with open(args.json, 'w') as file:
            json.dump(dict(machine, seconds=results), file, indent=1)


if __name__ == '__main__':
    main()
