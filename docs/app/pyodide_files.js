// esbuild puts these two in the place of the globals `fetch` and `WebAssembly` inside Pyodide, so
// that its files come from the page, and so that a failure, which Pyodide only writes on the
// console before it waits for ever, reaches the page.
let responses = {};
let fail;

export const failure = new Promise((resolve, reject) => {
  fail = reject;
});
failure.catch(() => {});

// files: name → promise of a Response
export function handOver(files) {
  responses = files;
}

export function fetch(url) {
  const name = String(url).split('/').pop();
  if (!(name in responses)) return Promise.reject(new Error(`no file ${name} is shipped`));
  return responses[name];
}

export const WebAssembly = Object.create(globalThis.WebAssembly, {
  instantiateStreaming: {
    value: (...args) => {
      const result = globalThis.WebAssembly.instantiateStreaming(...args);
      result.catch(fail);
      return result;
    },
  },
});
