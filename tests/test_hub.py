"""Models from elsewhere: the hub's download from a server on this machine, `torch.hub` with
hubconf.py, and what CITATION.cff says."""
import json
import os
import pickle
import subprocess
import sys
import threading
from configparser import ConfigParser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from mvit_nb import create_model, list_models
from mvit_nb.hub import from_pretrained, save_pretrained
from mvit_nb.weights.save import save_checkpoint

ROOT = Path(__file__).parent.parent
TINY = dict(embed_dim=8, num_frames=4, image_size=64, num_classes=3)


class Hub(SimpleHTTPRequestHandler):
    """Answers as the hub does when a file is asked for: /owner/name/resolve/revision/file."""
    def send_head(self):
        owner, name, _, revision, file = self.path.strip('/').split('/')
        path = Path(self.directory) / owner / name / file
        if not path.parent.is_dir(): return self.refuse('RepoNotFound')
        if revision not in ('main', 'v1'): return self.refuse('RevisionNotFound')
        if not path.is_file(): return self.refuse('EntryNotFound')
        self.send_response(200)
        self.send_header('Content-Length', str(path.stat().st_size))
        self.send_header('X-Repo-Commit', '0' * 40)
        self.send_header('ETag', f'"{path.stat().st_mtime_ns:x}"')
        self.end_headers()
        return path.open('rb')

    def refuse(self, code):
        self.send_response(404)
        self.send_header('X-Error-Code', code)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope='module')
def hub(tmp_path_factory):
    """Runs code in an interpreter for which this machine is the hub; and the hub's folder."""
    folder = tmp_path_factory.mktemp('hub')
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Hub, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    at = f'http://127.0.0.1:{server.server_port}'

    def run(code, at=at):
        names = dict(HF_ENDPOINT=at, HF_HOME=str(folder / 'cache'), HF_HUB_DISABLE_TELEMETRY='1',
                     HF_HUB_DISABLE_XET='1', PYTHONPATH=str(ROOT))
        code = f'import torch\nfrom mvit_nb.hub import from_pretrained\n{code}'
        done = subprocess.run([sys.executable, '-c', code], env=os.environ | names, text=True,
                              capture_output=True)
        return done.returncode, (done.stdout or done.stderr).strip().splitlines()[-1]

    yield folder, run
    server.shutdown()


def test_download(hub):
    """The library's own download: weights, config and names, then without a network."""
    folder, run = hub
    torch.manual_seed(0)
    model = create_model('mvit_b_16x4', **TINY).eval()
    save_pretrained(model, folder / 'somebody/jumps', ['left', 'right', 'jump'])
    clip = torch.ones(1, 3, 4, 64, 64)
    code = "\n".join(["m = from_pretrained('somebody/jumps', 'v1')",
                      "print(m.classes, m(torch.ones(1, 3, 4, 64, 64)).sum().item())"])
    expected = f"('left', 'right', 'jump') {model(clip).sum().item()}"
    assert run(code) == (0, expected)
    assert run(code, 'http://127.0.0.1:9') == (0, expected)                # from the cache


def test_refusals_of_the_hub(hub):
    """No such repository, no such revision, another library's, an empty one."""
    folder, run = hub
    for made in ('others', 'empty'):
        (folder / 'somebody' / made).mkdir(parents=True)
    (folder / 'somebody/others/config.json').write_text(json.dumps({'model_type': 'videomae'}))
    asked = [('nothing', 'main', 'there is no such repository'), ('others', 'v9', 'no such revision'),
             ('others', 'main', "got model_type 'videomae'"),
             ('empty', 'main', 'there is no config.json')]
    code = '\n'.join(['from mvit_nb.weights.sources import CheckpointError', 'said = []',
                      f'for name, revision, _ in {asked}:',
                      '    try:',
                      "        from_pretrained('somebody/' + name, revision)",
                      '    except CheckpointError as error:',
                      '        said.append(str(error))',
                      'import json', 'print(json.dumps(said))'])
    done, line = run(code)
    assert done == 0, line
    for message, (name, _, words) in zip(json.loads(line), asked, strict=True):
        assert message.startswith(f'somebody/{name}: ') and words in message


def test_no_network(hub):
    code = "import time\ntime.sleep = lambda seconds: None\nfrom_pretrained('somebody/new')"
    code, line = hub[1](code, 'http://127.0.0.1:9')              # it asks several times
    assert code == 1 and 'somebody/new: not downloaded' in line and 'without a network' in line


def test_a_model_of_the_hub_is_pickled(tmp_path):
    model = from_pretrained(save_pretrained(create_model('mvit_b_16x4', **TINY), tmp_path))
    twin = pickle.loads(pickle.dumps(model))
    assert type(twin) is type(model) and twin.config == model.config
    assert all(torch.equal(t, twin.state_dict()[k]) for k, t in model.state_dict().items())


def test_torch_hub(tmp_path, monkeypatch):
    """The names of the zoo are the entry points; one of them makes a model, with weights too."""
    load = partial(torch.hub.load, str(ROOT), source='local')
    model = load('mvit_b_16x4', **TINY)
    assert model.config == create_model('mvit_b_16x4', **TINY).config
    path = save_checkpoint(model, tmp_path / 'mine.safetensors')
    again = load('mvit_b_16x4', pretrained=path, **TINY)
    assert torch.equal(again.head.weight, model.head.weight)
    with pytest.raises(ValueError, match='no weights are published'):
        load('vit_b_8x8', pretrained=True)

    # as from GitHub: the repository is where torch.hub would have unpacked it
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path))
    (tmp_path / 'mvit-nb_mvit_nb_main').symlink_to(ROOT, target_is_directory=True)
    ask = dict(skip_validation=True, trust_repo=True)
    assert sorted(torch.hub.list('mvit-nb/mvit_nb:main', **ask)) == list_models()
    assert '78.4 % on Kinetics-400' in torch.hub.help('mvit-nb/mvit_nb:main', 'mvit_b_16x4', **ask)
    assert torch.hub.load('mvit-nb/mvit_nb:main', 'deit_s', depths=(1,), **ask).num_classes == 1000


def test_citation():
    """The file is YAML, names the version of settings.ini and both papers."""
    yaml = pytest.importorskip('yaml')
    said = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    ini = ConfigParser(delimiters=['='])
    ini.read(ROOT / 'settings.ini', encoding='utf-8')
    assert said['cff-version'] == '1.2.0'
    assert said['version'] == ini['DEFAULT']['version']
    assert said['repository-code'] == ini['DEFAULT']['git_url']
    assert [work['url'][-10:] for work in said['references']] == ['2104.11227', '2112.01526']
    assert all(work['authors'] and work['title'] and work['year'] for work in said['references'])


@pytest.mark.parametrize('name', ['./somefolder', 'a/b/c', '/somewhere/here', '~/models', ''])
def test_names_that_no_repository_has(name):
    """Nothing is asked of the hub, and the message says what a name is."""
    pytest.importorskip('huggingface_hub')
    from mvit_nb.hub import push_to_hub
    with pytest.raises(ValueError, match=f'^{name}: not pushed, expected the name of a repository, owner/name; save_pretrained'):
        push_to_hub(create_model('mvit_b_16x4', **TINY), name)


def test_a_run_is_no_folder_of_the_hub(tmp_path):
    """Who passes the folder of a run is told what reads it."""
    save_checkpoint(create_model('mvit_b_16x4', **TINY), tmp_path / 'best.safetensors')
    with pytest.raises(ValueError, match=r"there is no config\.json; it is that of a training run: load_model\('.*best\.safetensors'\)"):
        from_pretrained(tmp_path)
