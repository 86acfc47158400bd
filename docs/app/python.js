// Python in this page: Pyodide and the library's own modules, at most once a page.

// The built script that this module is part of; what it loads lies beside it.
const folder = new URL('.', document.currentScript?.src ?? document.baseURI).href;
const WASM = 'pyodide.asm.wasm';
const STDLIB = 'python_stdlib.zip';

const DISPATCH = `
import json, sys
from importlib import import_module

def dispatch(module, name, arguments):
    "What mvit_nb.<module>.<name> answers, or the sentence with which it refuses, as JSON."
    try:
        function = getattr(import_module(f'mvit_nb.{module}'), name)
        return json.dumps({'value': function(*json.loads(arguments))}, allow_nan=False)
    except Exception as error:
        return json.dumps({'error': str(error), 'type': type(error).__name__})

sys.path.insert(0, '/library')
dispatch
`;

function loadScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = folder + name;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`the file ${script.src} could not be loaded`));
    document.head.append(script);
  });
}

// A page opened as a file may not fetch; there the same bytes come in a script.
async function unpacked(name) {
  await loadScript(`${name}.js`);
  const packed = atob(globalThis.mvitFiles[name]);
  delete globalThis.mvitFiles[name];
  const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  return new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
}

async function fetched(name) {
  const response = await fetch(folder + name);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response;
}

async function open(name, type) {
  const headers = { 'Content-Type': type };
  if (location.protocol === 'file:') return new Response(await unpacked(name), { headers });
  const response = await fetched(name);
  const served = response.headers.get('Content-Type');
  return served === type ? response : new Response(response.body, { headers });
}

function writeLibrary(python) {
  for (const [path, text] of Object.entries(globalThis.mvitLibrary)) {
    const file = `/library/${path}`;
    python.FS.mkdirTree(file.slice(0, file.lastIndexOf('/')));
    python.FS.writeFile(file, text);
  }
}

async function start(say) {
  say('Loading Python for this page, about 13 MB the first time.');
  const files = { [WASM]: open(WASM, 'application/wasm'), [STDLIB]: open(STDLIB, 'application/zip') };
  const scripts = Promise.all([loadScript('pyodide.js'), loadScript('library.js')]);
  await Promise.all([scripts, ...Object.values(files)]);
  say('Starting Python.');
  const python = await globalThis.mvitPyodide(folder, files);
  say('Loading the library mvit_nb.');
  writeLibrary(python);
  const dispatch = python.runPython(DISPATCH);
  return { call: async (module, name, ...args) => answer(dispatch, module, name, args) };
}

function answer(dispatch, module, name, args) {
  const { value, error, type } = JSON.parse(dispatch(module, name, JSON.stringify(args)));
  if (error !== undefined) throw Object.assign(new Error(error), { type });
  return value;
}

// `say` gets a sentence at each step. The promise resolves to an object whose method
// `call(module, name, ...args)` promises the JSON value of `mvit_nb.<module>.<name>(*args)`;
// where Python raises, the error's message is Python's and its `type` the name of the class.
export async function startPython(say) {
  globalThis.mvitPython ??= start(say);
  return globalThis.mvitPython;
}
