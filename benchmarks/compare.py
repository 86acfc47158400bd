#!/usr/bin/env python3
"""MViT-B and MViTv2-S 16×4 here and elsewhere: same weights and clips, runs in turn, medians.

    python benchmarks/compare.py [--models …] [--works …] [--runs 7] [--device cuda] [--scaling]
                                 [--json FILE]

Compares `mvit_nb` with torchvision's `mvit_v1_b` and `mvit_v2_s`, PyTorchVideo's MViT (it has no
MViTv2) and PySlowFast's, each if it can be imported (a checkout counts, if PYTHONPATH names it;
none is a dependency), and with a floor: the bare matrix products of the network. All runs are in
one process. Prints Markdown tables; `--json` keeps every single time. `--scaling` measures MViT-B's
time and memory against clip length and crop size instead. Memory on a CPU is the highest resident
memory of a new process, less what it held before the model was made; on a GPU what torch allocated
at most."""
import argparse
import contextlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import itertools
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))   # this checkout, installed or not

import torch
import torch.nn.functional as F

import mvit_nb
from mvit_nb.weights.layouts import export_state


# Other implementations

class Placeholders(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Empty modules in place of missing ones that a peer imports for its other models."""

    def __init__(self):
        self.roots = set()

    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] not in self.roots: return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = mock.MagicMock(name=spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


def register_nothing_of_torchvision(register=torch.library.register_fake):
    """`register_fake`, but for the operators of a torchvision that was built for another torch;
    MViT needs none of them."""
    def register_fake(name, *args, **kwargs):
        if isinstance(name, str) and name.startswith('torchvision::'):
            return lambda function: function
        return register(name, *args, **kwargs)
    return register_fake


def imported(load, package):
    """What `load()` imports and returns, or None if `package` is not there or does not import."""
    missing = Placeholders()
    sys.meta_path.append(missing)
    try:
        with mock.patch.object(torch.library, 'register_fake', register_nothing_of_torchvision()):
            for _ in range(20):
                try:
                    return load()
                except ModuleNotFoundError as error:
                    root = (error.name or package).split('.')[0]
                    if root == package or root in missing.roots:
                        return None
                    missing.roots.add(root)
                    for name in [n for n in sys.modules if n.split('.')[0] == package]:
                        del sys.modules[name]
    except Exception as error:
        print(f'{package} does not import: {type(error).__name__}: {error}', file=sys.stderr)
    finally:
        sys.meta_path.remove(missing)
    return None


def is_v2(config):
    """Whether the network is an MViTv2."""
    return config.rel_pos != 'none'


def torchvision_model(config):
    def load():
        from torchvision.models.video import mvit_v1_b, mvit_v2_s
        return mvit_v2_s if is_v2(config) else mvit_v1_b
    if config.clip_size != (16, 224, 224): return None      # both are built for no other size
    build = imported(load, 'torchvision')
    return build and build(stochastic_depth_prob=0.0, dropout=0.0)


def pytorchvideo_model(config):
    def load():
        from pytorchvideo.models.vision_transformers import create_multiscale_vision_transformers
        return create_multiscale_vision_transformers
    if is_v2(config): return None                           # it has no relative positions
    build = imported(load, 'pytorchvideo')
    if not build:
        return None
    grow = [[1, 2.0], [3, 2.0], [14, 2.0]]
    model = build(
        spatial_size=config.image_size, temporal_size=config.num_frames,
        embed_dim_mul=grow, atten_head_mul=grow,
        pool_q_stride_size=[[i, 1, 2, 2] for i in (1, 3, 14)],
        pool_kv_stride_adaptive=[1, 8, 8], pool_kvq_kernel=[3, 3, 3],
        dropout_rate_block=0.0, droppath_rate_block=0.0, head_dropout_rate=0.0,
        head_activation=None)
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 1e-6               # 0.1.5 has torch's default in its pooling norms
    return model


def slowfast_model(config):
    def load():
        from slowfast.config.defaults import get_cfg
        from slowfast.models.video_model_builder import MViT
        return get_cfg, MViT
    found = imported(load, 'slowfast')
    if not found:
        return None
    get_cfg, MViT = found
    cfg = get_cfg()
    v2, blocks = is_v2(config), sum(config.depths)
    starts = list(itertools.accumulate(config.depths))[:-1]      # first blocks of stages 3, 4, 5
    grow = [[i, 2.0] for i in starts]
    q_strides = [[i, *(config.q_stride if i in starts else (1, 1, 1))]
                 for i in range(blocks) if v2 or i in starts]
    cfg.merge_from_list([
        'DATA.NUM_FRAMES', config.num_frames, 'DATA.TRAIN_CROP_SIZE', config.image_size,
        'DATA.TEST_CROP_SIZE', config.image_size, 'DATA.INPUT_CHANNEL_NUM', [3],
        'MODEL.NUM_CLASSES', config.num_classes, 'MODEL.MODEL_NAME', 'MViT',
        'MODEL.ARCH', 'mvit', 'MODEL.DROPOUT_RATE', 0.0, 'MODEL.HEAD_ACT', 'none',
        'NUM_GPUS', 0, 'MVIT.SEP_POS_EMBED', True, 'MVIT.USE_ABS_POS', not v2,
        'MVIT.REL_POS_SPATIAL', v2, 'MVIT.REL_POS_TEMPORAL', v2, 'MVIT.RESIDUAL_POOLING', v2,
        'MVIT.DIM_MUL_IN_ATT', v2, 'MVIT.DEPTH', blocks, 'MVIT.NUM_HEADS', 1, 'MVIT.EMBED_DIM', 96,
        'MVIT.PATCH_KERNEL', [3, 7, 7], 'MVIT.PATCH_STRIDE', [2, 4, 4],
        'MVIT.PATCH_PADDING', [1, 3, 3], 'MVIT.MODE', 'conv', 'MVIT.CLS_EMBED_ON', True,
        'MVIT.DIM_MUL', grow, 'MVIT.HEAD_MUL', grow, 'MVIT.POOL_KVQ_KERNEL', [3, 3, 3],
        'MVIT.POOL_KV_STRIDE_ADAPTIVE', [1, 8, 8], 'MVIT.DROPPATH_RATE', 0.0,
        'MVIT.POOL_Q_STRIDE', q_strides])
    model = MViT(cfg)

    class Wrapped(torch.nn.Module):         # takes a list of pathways; softmax in its head in eval
        def __init__(self):
            super().__init__()
            self.model = model
            model.head.act = torch.nn.Identity()

        def forward(self, clips):
            return self.model([clips])
    return Wrapped()


PEERS = {'torchvision': torchvision_model, 'pytorchvideo': pytorchvideo_model,
         'slowfast': slowfast_model}


def build(name, config):
    """A model by its name ('mvit_nb', 'compiled', or a peer) with the weights of seed 0; None if it
    can't be imported."""
    torch.manual_seed(0)
    ours = mvit_nb.create_model(config)
    if name == 'mvit_nb':
        return ours
    if name == 'compiled':
        return torch.compile(ours, fullgraph=True)
    theirs = PEERS[name](config)
    if theirs is not None:
        state = weights_for(theirs, export_state(ours, name))
        getattr(theirs, 'model', theirs).load_state_dict(state)
    return theirs


def weights_for(theirs, state):
    """`state` under the names that `theirs` has (PyTorchVideo 0.1.5 knows pooling weights under one
    name only)."""
    names = getattr(theirs, 'model', theirs).state_dict()
    return {name: tensor for name, tensor in state.items() if name in names}


def built(names, config):
    """(name, model) of those that can be imported."""
    for name in names:
        net = build(name, config)
        if net is not None:
            yield name, net


# The floor

def written_out(q, k, v):
    """Attention's two products without its softmax."""
    return (q @ k.mT) @ v


def products(row, batch):
    """Of a row of the plan: the sizes (rows, in, out) of its linear layers; the tokens of its Q, K
    and V; and for each axis with a table the sizes (positions, rows, in, out) of Q·R."""
    n, n_q, n_kv = row.tokens_in, row.tokens_out, row.tokens_kv
    layers = [(n, row.dim, 3 * row.dim_attn), (n_q, row.dim_attn, row.dim_attn),
              (n_q, row.dim_attn, row.hidden), (n_q, row.hidden, row.dim_out)]
    if row.skip_projects:
        layers.append((n_q, row.dim_attn, row.dim_out))
    if row.attn_skip_projects:
        layers.append((n, row.dim, row.dim_attn))
    scores = [(q, batch * row.num_heads * math.prod(row.thw_out) // q, row.head_dim, k)
              for q, k, length in zip(row.thw_out, row.thw_kv, row.rel_lengths or ()) if length]
    return [(batch * tokens, a, b) for tokens, a, b in layers], (n_q, n_kv, n_kv), scores


def floor(config, batch, device, dtype, training=False):
    """A function that does the matrix products of the network and nothing else: linear layers, and
    attention products in the fastest of torch's forms for this dtype. In training three products
    for each linear layer, and the backward pass of the fused attention."""
    def random(*size):
        return torch.randn(*size, device=device, dtype=dtype, requires_grad=training)
    on_cpu = torch.device(device).type == 'cpu'
    explicit = on_cpu and dtype == torch.bfloat16 and not training
    attend = written_out if explicit else F.scaled_dot_product_attention
    jobs = []
    for row in mvit_nb.block_plan(config):
        layers, tokens, scores = products(row, batch)
        for rows, a, b in layers:
            jobs.append((F.linear, [random(rows, a), random(b, a), random(b)]))
        heads = [random(batch, row.num_heads, n, row.head_dim) for n in tokens]
        jobs.append((attend, heads))
        for positions, rows, a, b in scores:
            jobs.append((torch.bmm, [random(positions, rows, a), random(positions, a, b)]))

    def run(_):
        for function, tensors in jobs:
            out = function(*tensors)
            if training:
                torch.autograd.grad(out, tensors, out)
    return run


# Timing

def synchronize(device):
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize()


def autocast(device, dtype):
    """The context in which a network computes in `dtype`."""
    return torch.autocast(torch.device(device).type, dtype, enabled=dtype != torch.float32)


def alternate(works, clips, runs):
    """{name: seconds of each run}, one run of each in turn; the first two rounds warm up."""
    seconds = {name: [] for name in works}
    for i in range(runs + 2):
        for name, work in works.items():
            synchronize(clips.device)
            start = time.perf_counter()
            work(clips)
            synchronize(clips.device)
            if i > 1:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def inference(names, config, batch, runs, device, dtype):
    """Seconds of a forward pass; in bfloat16 under autocast. The outputs must agree."""
    torch.manual_seed(0)
    clips = torch.randn(batch, 3, *config.clip_size, device=device)
    nets = {name: net.to(device).eval() for name, net in built(names, config)}
    cast = autocast(device, dtype)
    tolerance = 2e-5 if dtype == torch.float32 else 0.05
    with torch.no_grad():
        with cast:
            outputs = {name: net(clips).float() for name, net in nets.items()}
        for name, out in outputs.items():
            ours = outputs['mvit_nb']
            off = ((out - ours).norm() / ours.norm()).item()
            inexact = torch.backends.cuda.matmul.allow_tf32
            assert off < tolerance or inexact, f'{name} is off by {off:.1e}'

        def run(net):
            def forward(clips):
                with cast:
                    net(clips)
            return forward
        works = {name: run(net) for name, net in nets.items()}
        works['matrix products'] = floor(config, batch, device, dtype)
        return alternate(works, clips, runs)


def training(names, config, batch, runs, device, dtype):
    """Seconds of forward, loss and backward."""
    labels = torch.arange(batch, device=device)
    nets = {name: net.to(device).train() for name, net in built(names, config)}

    def step(net):
        def run(clips):
            net.zero_grad(set_to_none=True)
            with autocast(device, dtype):
                loss = F.cross_entropy(net(clips).float(), labels)
            loss.backward()
        return run
    works = {name: step(net) for name, net in nets.items()}
    works['matrix products'] = floor(config, batch, device, dtype, training=True)
    return alternate(works, torch.randn(batch, 3, *config.clip_size, device=device), runs)


def resident():
    """The highest resident memory of this process so far, in bytes. Linux hands ru_maxrss down to a
    new process, VmHWM not."""
    status = Path('/proc/self/status')
    if status.exists():
        lines = status.read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith('VmHWM')).split()[1])
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def alone(name, config, work, batch, runs, device, dtype):
    """{'seconds': …, 'bytes': peak} of one model by itself, in this process. `work`: 'inference' or
    'training'."""
    cuda = torch.device(device).type == 'cuda'
    before = resident()
    net = build(name, config)
    if net is None: return None
    net = net.to(device).train(work == 'training')
    clips = torch.randn(batch, 3, *config.clip_size, device=device)
    labels = torch.arange(batch, device=device)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(runs + 1):
        synchronize(device)
        start = time.perf_counter()
        with autocast(device, dtype), torch.set_grad_enabled(net.training):
            out = net(clips)
            if net.training:
                net.zero_grad(set_to_none=True)
                F.cross_entropy(out.float(), labels).backward()
        del out
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() if cuda else resident() - before
    return dict(seconds=seconds[1:], bytes=peak)


def in_new_process(*job):
    """`alone(…)` in a process of its own; None if it fails (no such package, out of memory)."""
    done = subprocess.run([sys.executable, __file__, '--alone', json.dumps(job)],
                          capture_output=True, text=True)
    if done.returncode:
        print(f'{job}: {done.stderr.strip().splitlines()[-1:]}', file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def config_of(model, frames, size):
    """A model of the library for clips of so many frames and pixels. ViT-B's cubes are one frame
    thick and its clips have half the frames."""
    if model == 'vit_b_8x8':
        frames = frames // 2
    return mvit_nb.get_config(model, num_frames=frames, image_size=size)


# What is measured

ALL = ('mvit_nb', *PEERS)
COMPILED = ('mvit_nb', 'compiled')
FULL, HALF = torch.float32, torch.bfloat16
WORKS = {       # name: title, what measures it, batch, dtype, models
    'infer1': ('inference, batch 1, float32', inference, 1, FULL, ALL),
    'infer4': ('inference, batch 4, float32', inference, 4, FULL, ALL),
    'bf16': ('inference, batch 1, bfloat16 autocast', inference, 1, HALF, ALL),
    'compile': ('inference, batch 1, float32, compiled', inference, 1, FULL, COMPILED),
    'compile_bf16': ('inference, batch 1, bfloat16 autocast, compiled', inference, 1, HALF,
                     COMPILED),
    'train2': ('training step, batch 2, float32', training, 2, FULL, ALL),
    'train2_bf16': ('training step, batch 2, bfloat16 autocast', training, 2, HALF, ALL)}
MODELS = ('mvit_b_16x4', 'mvitv2_s_16x4')
SCALING = [(frames, 224) for frames in (8, 16, 32, 64)] + [(16, size) for size in (160, 256, 320)]


def table(results):
    """Times as a Markdown table."""
    yield '| work | what | median s | fastest to slowest | its time over that of mvit_nb |'
    yield '| --- | --- | ---: | ---: | ---: |'
    for title, seconds in results.items():
        ours = statistics.median(seconds['mvit_nb'])
        for what, times in seconds.items():
            median = statistics.median(times)
            yield (f'| {title} | {what} | {median:.3f} | {min(times):.3f} to {max(times):.3f} | '
                   f'{median / ours:.2f} |')


def memory_table(memory):
    """Peaks as a Markdown table."""
    yield '\n| memory, training step | peak GB | over that of mvit_nb |\n| --- | ---: | ---: |'
    for what, peak in memory.items():
        yield f'| {what} | {peak / 1e9:.2f} | {peak / memory["mvit_nb"]:.2f} |'


def scaling_table(rows):
    """Time and memory against the size of the clip, as a Markdown table."""
    yield '| model | frames | pixels | inference s | training peak GB |'
    yield '| --- | ---: | ---: | ---: | ---: |'
    for row in rows:
        yield (f'| {row["model"]} | {row["frames"]} | {row["size"]} | {row["seconds"]:.3f} | '
               f'{row["bytes"] / 1e9:.2f} |')


def scaling(device):
    """Rows of seconds of inference and bytes of a training step, one clip, float32. Each model is
    built for each size; torchvision's is built for 16×224×224 alone."""
    rows = []
    for frames, size in SCALING:
        lines = {'mvit_nb': ('mvit_b_16x4', 'mvit_nb'), 'vit_b': ('vit_b_8x8', 'mvit_nb')}
        if (frames, size) == (16, 224):
            lines['torchvision'] = 'mvit_b_16x4', 'torchvision'
        for line, job in lines.items():
            quick, step = (in_new_process(*job, frames, size, work, 1, runs, device, 'float32')
                           for work, runs in (('inference', 3), ('training', 1)))
            if quick and step:
                rows.append(dict(model=line, frames=frames, size=size, bytes=step['bytes'],
                                 seconds=statistics.median(quick['seconds'])))
                print(rows[-1], file=sys.stderr, flush=True)
    return rows


def processor():
    """The name of the processor."""
    info = Path('/proc/cpuinfo')
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith('model name'): return line.split(':')[1].strip()
    return platform.processor() or platform.machine()


def versions():
    """The machine and the versions that a number belongs to."""
    out = dict(machine=processor(), threads=torch.get_num_threads(),
               python=platform.python_version(), torch=torch.__version__,
               date=time.strftime('%Y-%m-%d'))
    if torch.cuda.is_available():
        out['gpu'] = torch.cuda.get_device_name()
    for package in PEERS:
        spec = importlib.util.find_spec(package)
        if spec is None: continue
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            out[package] = importlib.metadata.version(package)
        if not {'site-packages', 'dist-packages'} & set(Path(spec.origin or '').parts):
            out[package] = 'checkout'
    return out


def compare(model, works, peers, runs, device):
    """{title: {name: seconds of each run}} of these works; prints a table as each is done."""
    results, config = {}, mvit_nb.get_config(model)
    for key in works:
        title, measure, batch, dtype, names = WORKS[key]
        names = [name for name in names if name not in PEERS or name in peers]
        results[title] = measure(names, config, batch, runs, device, dtype)
        lines = list(table({title: results[title]}))
        print(*lines[0 if len(results) == 1 else 2:], sep='\n', flush=True)
    return results


def peaks(model, names, device):
    """{name: highest bytes in a training step with two clips}, each in a process of its own."""
    found = {name: in_new_process(model, name, 16, 224, 'training', 2, 2, device, 'float32')
             for name in names}
    return {name: peak['bytes'] for name, peak in found.items() if peak}


def measure(model, args, where, kept):
    """Measures a model as the command line says, prints tables, and adds the numbers to `kept`."""
    print(f'{model}\n', flush=True)
    works = [work for work in args.works if work in WORKS]
    results = compare(model, works, args.peers, args.runs, args.device)
    kept.setdefault('seconds', {}).update(
        {title: dict(where, runs=times) for title, times in results.items()})
    if 'memory' in args.works:
        kept['memory'] = dict(where, bytes=peaks(model, ('mvit_nb', *args.peers), args.device))
        print(*memory_table(kept['memory']['bytes']), sep='\n')
    print(flush=True)


def arguments():
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--models', nargs='*', choices=MODELS, default=MODELS)
    parser.add_argument('--runs', type=int, default=7, help='timed rounds (default: 7)')
    works = [*WORKS, 'memory']
    parser.add_argument('--works', nargs='*', choices=works, default=works)
    parser.add_argument('--peers', nargs='*', choices=PEERS, default=list(PEERS))
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--tf32', action='store_true', help='allow TensorFloat-32 on a GPU')
    parser.add_argument('--scaling', action='store_true',
                        help='against clip length and crop size instead '
                             '(about 15 minutes on 2 cores)')
    parser.add_argument('--json', metavar='FILE',
                        help='write all numbers there; what the file holds already and is not '
                             'measured now stays')
    parser.add_argument('--alone', type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    args = arguments()
    torch.backends.cuda.matmul.allow_tf32 = args.tf32
    torch.backends.cudnn.allow_tf32 = args.tf32
    if args.alone:
        model, name, frames, size, work, batch, runs, device, dtype = args.alone
        config, dtype = config_of(model, frames, size), getattr(torch, dtype)
        print(json.dumps(alone(name, config, work, batch, runs, device, dtype)))
        return
    where = versions()
    print(', '.join(f'{k} {v}' for k, v in where.items()), '\n', flush=True)
    kept = {}
    if args.json and os.path.exists(args.json):
        kept = json.loads(Path(args.json).read_text())
    if args.scaling:
        kept['scaling'] = dict(where, rows=scaling(args.device))
        print(*scaling_table(kept['scaling']['rows']), sep='\n')
    else:
        for model in args.models:
            first = model == MODELS[0]       # the file has the first model's numbers at its top
            measure(model, args, where, kept if first else kept.setdefault(model, {}))
    if args.json:
        Path(args.json).write_text(json.dumps(kept, indent=1) + '\n')


if __name__ == '__main__':
    main()
