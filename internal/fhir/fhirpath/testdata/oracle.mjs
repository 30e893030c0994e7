// Asks npm fhirpath for the answers of cases.txt and prints the file anew:
//   node oracle.mjs <folder of the fhirpath package> > cases.new
// The answers were reviewed by hand; where Quire differs the line says why.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const [root] = process.argv.slice(2);
const require = createRequire(root + '/package.json');
const fhirpath = require(root + '/src/fhirpath.js');
const r4 = require(root + '/fhir-context/r4');
const here = new URL('.', import.meta.url).pathname;
const resource = JSON.parse(readFileSync(here + 'resource.json', 'utf8'));
for (const line of readFileSync(here + 'cases.txt', 'utf8').split('\n')) {
  const [expression] = line.split(' ==> ');
  if (!expression || expression.startsWith('#') || line.includes('  # ')) { console.log(line); continue; }
  let out;
  try {
    out = JSON.stringify(fhirpath.evaluate(resource, expression, { twelve: 12 }, r4).map(v => v && v.toString && typeof v === 'object' && v.constructor !== Object ? v.toString() : v));
  } catch (e) { out = 'error'; }
  console.log(expression + ' ==> ' + out);
}
