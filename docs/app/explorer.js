import { startPython } from './python.js';

globalThis.mvitExplorer = { ready: startPython(console.info) };
