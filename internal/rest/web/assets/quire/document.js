'use strict';
// A stored composition as people read it: headings, labels, values with units.
Quire.document = (() => {
  const {element} = Quire;

  const coded = (v) => v && v.value ? v.value : '';
  const plain = (n) => String(n);

  const values = {
    DV_TEXT: (v) => v.value, DV_CODED_TEXT: (v) => v.value, DV_URI: (v) => v.value, DV_EHR_URI: (v) => v.value, DV_DATE: (v) => v.value,
    DV_TIME: (v) => v.value, DV_DATE_TIME: (v) => time(v.value), DV_DURATION: (v) => v.value, DV_PARSABLE: (v) => v.value,
    DV_BOOLEAN: (v) => (v.value ? 'Yes' : 'No'), DV_COUNT: (v) => plain(v.magnitude),
    DV_QUANTITY: (v) => `${v.magnitude_status && v.magnitude_status !== '=' ? v.magnitude_status + ' ' : ''}${plain(v.magnitude)} ${v.units === '1' ? '' : v.units}`.trim(),
    DV_ORDINAL: (v) => `${v.value}: ${coded(v.symbol)}`, DV_SCALE: (v) => `${v.value}: ${coded(v.symbol)}`,
    DV_PROPORTION: (v) => (v.type === 2 ? `${v.numerator} %` : `${v.numerator} / ${v.denominator}`),
    DV_IDENTIFIER: (v) => [v.id, v.type, v.issuer].filter(Boolean).join(', '),
    DV_MULTIMEDIA: (v) => `File ${v.alternate_text || ''} (${(v.media_type || {}).code_string || 'unknown type'}, ${v.size || '?'} bytes)`,
    DV_INTERVAL: (v) => `${v.lower ? value(v.lower) : 'any'} to ${v.upper ? value(v.upper) : 'any'}`,
  };

  function value(v) {
    const make = values[v._type];
    return make ? make(v) : JSON.stringify(v);
  }

  function time(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime()) || text.length < 16) return text;
    return at.toLocaleString('en-GB', {day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short'});
  }

  const skipped = new Set(['name', 'archetype_details', 'uid', 'language', 'encoding', 'territory', 'category', 'composer', 'subject', 'links', 'feeder_audit', 'context', 'archetype_node_id', '_type']);
  const structural = new Set(['HISTORY', 'ITEM_TREE', 'ITEM_LIST', 'ITEM_SINGLE', 'ITEM_TABLE']);

  function rows(list, label, text) {
    list.append(element('div', {}, element('dt', {}, label), element('dd', {}, text)));
  }

  // write adds an object below a heading of a level; list is where its answers go.
  function write(node, level, into, list) {
    if (node._type === 'ELEMENT') {
      const text = node.value ? value(node.value) : `Not given: ${coded(node.null_flavour)}`;
      rows(list, coded(node.name), text);
      return;
    }
    let target = into, entries = list, depth = level;
    if (!structural.has(node._type) && node._type !== 'COMPOSITION') {
      const heading = Math.min(level, 6);
      target = element('section', {}, element('h' + heading, {}, coded(node.name) || node._type));
      entries = element('dl', {class: 'q-answers'});
      target.append(entries);
      into.append(target);
      depth = level + 1;
      if (node.time) rows(entries, 'Time', time(node.time.value));
      if (node.ism_transition) rows(entries, 'State', coded(node.ism_transition.careflow_step) || coded(node.ism_transition.current_state));
    }
    for (const [attribute, child] of Object.entries(node)) {
      if (skipped.has(attribute)) continue;
      for (const one of Array.isArray(child) ? child : [child]) {
        if (!one || typeof one !== 'object') continue;
        if (one.archetype_node_id) write(one, depth, target, entries);
        else if (one._type && values[one._type] && !['time', 'ism_transition', 'origin'].includes(attribute)) rows(entries, attribute.replaceAll('_', ' '), value(one));
      }
    }
    if (entries !== list && !entries.children.length) entries.remove();
  }

  function render(composition, committed) {
    const context = composition.context || {};
    const facts = element('dl', {class: 'q-answers q-facts'});
    rows(facts, 'Written by', coded({value: (composition.composer || {}).name}) || 'not named');
    if (context.start_time) rows(facts, 'Of', time(context.start_time.value));
    if (committed) rows(facts, 'Stored', time(new Date(committed).toISOString()));
    rows(facts, 'Version', (composition.uid || {}).value || '');
    const out = element('article', {class: 'q-document', 'aria-label': 'Stored document'}, facts);
    const top = element('dl', {class: 'q-answers'});
    out.append(top);
    if (context.other_context) write(context.other_context, 3, out, top);
    for (const entry of composition.content || []) write(entry, 3, out, top);
    if (!top.children.length) top.remove();
    out.append(element('details', {}, element('summary', {}, 'Canonical JSON'), element('pre', {tabindex: '0', 'aria-label': 'Canonical JSON'}, JSON.stringify(composition, null, 2))));
    return out;
  }

  return {render, time};
})();
