// Pyodide as one classic script: the global `mvitPyodide(folder, files)` starts it.
// Pyodide would import its second part as a module; here that part is bundled.
import createPyodideModule from 'pyodide/pyodide.asm.mjs';
import { info } from 'pyodide/pyodide-lock.json';
import { loadPyodide } from 'pyodide/pyodide.mjs';
import { failure, handOver } from './pyodide_files.js';

globalThis.mvitPyodide = (folder, files) => {
  handOver(files);
  const started = loadPyodide({
    createPyodideModule,
    indexURL: folder,
    lockFileContents: { info, packages: {} }, // no package beside the standard library is used
  });
  return Promise.race([started, failure]);
};
