// Records as lines (tests/interop/records.py).
const fs = require('fs');

const bytesOf = (text) => (text === '-' ? null : text === '=' ? Buffer.alloc(0) : Buffer.from(text, 'base64'));
const textOf = (bytes) => (bytes == null ? '-' : Buffer.from(bytes).toString('base64') || '=');

// {key, value, timestamp, headers: [[name, bytes], ...]} of each line of standard input.
function read() {
  return fs.readFileSync(0, 'utf8').trimEnd().split('\n').map((line) => {
    const [key, value, timestamp, ...rest] = line.split('\t');
    const headers = [];
    for (let i = 0; i < rest.length; i += 2) headers.push([bytesOf(rest[i]).toString(), bytesOf(rest[i + 1])]);
    return { key: bytesOf(key), value: bytesOf(value), timestamp, headers };
  });
}

function lineOf({ key, value, timestamp, headers }) {
  const flat = headers.flatMap(([name, bytes]) => [textOf(name), textOf(bytes)]);
  return [textOf(key), textOf(value), timestamp, ...flat].join('\t') + '\n';
}

// A package that is an ES module alone, which Node 18 cannot require().
const load = (name) => import(require.resolve(name));

module.exports = { read, lineOf, load };
