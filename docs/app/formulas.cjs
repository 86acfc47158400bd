// Formulas for the build: one JSON line {latex, display} in, one JSON line {html} or {error} out.
const katex = require('katex');
const lines = require('node:readline').createInterface({ input: process.stdin });

lines.on('line', (line) => {
  const { latex, display } = JSON.parse(line);
  const answer = {};
  try {
    answer.html = katex.renderToString(latex, { displayMode: display, strict: 'error' });
  } catch (error) {
    answer.error = error.message;
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
