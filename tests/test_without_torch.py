"""What is arithmetic works, and is there at once, where torch cannot be imported."""
import subprocess
import sys

PREAMBLE = '''
import sys, time

class Refuse:
    "An import system in which these packages cannot be had."
    names = {'torch', 'numpy', 'matplotlib', 'safetensors', 'fvcore', 'scipy', 'av', 'PIL',
             'IPython', 'ipywidgets', 'accelerate'}

    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in self.names:
            raise ImportError(f'{name} was asked for')

sys.meta_path.insert(0, Refuse())
start = time.process_time()
import mvit_nb
'''


def run(code):
    """Standard output of a fresh interpreter in which torch cannot be imported."""
    done = subprocess.run([sys.executable, '-c', PREAMBLE + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_config_plan_and_cost():
    """The plan and the cost of MViT-B, and the list of models."""
    out = run('''
config = mvit_nb.get_config('mvit_b_16x4')
print(len(mvit_nb.block_plan(config)), mvit_nb.cost(config).params, len(mvit_nb.list_models()))
print(mvit_nb.cost(mvit_nb.MViTConfig(num_classes=10)).flops, *sorted(
    name for name in sys.modules if name in Refuse.names))
''')
    blocks, params, models = map(int, out.splitlines()[0].split())
    assert (blocks, params) == (16, 36_610_672) and models >= 19
    assert out.splitlines()[1].isdigit()


def test_fast():
    """Importing the package and computing a plan and a cost takes a fraction of a second of CPU."""
    seconds = float(run('''
mvit_nb.cost(mvit_nb.get_config('mvit_b_16x4'))
print(time.process_time() - start)
'''))
    assert seconds < 0.5, f'{seconds:.2f} s'


def test_what_needs_torch_says_so():
    """A name that needs torch is known, and the error is the interpreter's own."""
    out = run('''
print('MViT' in dir(mvit_nb) and 'load_model' in mvit_nb.__all__)
try:
    mvit_nb.create_model
except ImportError as error:
    print(error)
try:
    mvit_nb.no_such_name
except AttributeError as error:
    print(error)
''')
    known, missing, unknown = out.splitlines()
    assert known == 'True'
    assert missing == 'mvit_nb.create_model cannot be imported: torch was asked for'
    assert unknown == "module 'mvit_nb' has no attribute 'no_such_name'"
