'use strict';
// What came back from the renderer, compared with what was issued. Absent is not
// deleted: what a person cleared is named in _deletions, and nothing else is.
Quire.answers = (() => {
  const extension = (item, name) => (item.extension || []).find((e) => e.url.endsWith('/' + name));
  const hidden = (item) => Boolean((extension(item, 'questionnaire-hidden') || {}).valueBoolean);
  const children = (items, linkId) => (items || []).filter((i) => i.linkId === linkId);
  const filled = (occurrence) => (occurrence.answer || []).some((a) => Object.keys(a).some((k) => k.startsWith('value')));

  // shown says whether anything that people see is answered at or below.
  function shown(item, occurrence) {
    if (!occurrence || hidden(item)) return false;
    if (filled(occurrence)) return true;
    return (item.item || []).some((child) => children(occurrence.item, child.linkId).some((o) => shown(child, o)));
  }

  const keyOf = (occurrence) => {
    const key = (occurrence.item || []).find((i) => i.linkId.endsWith('/_key'));
    return key && key.answer && key.answer.length ? key.answer[0].valueString : '';
  };

  // compound says whether an item is one value with several parts.
  const compound = (item) => item.type === 'group' && /^(DV_|ELEMENT)/.test((extension(item, 'openehr-class') || {}).valueCode || '');

  // cleared lists by path what was shown with an answer in before and is not in
  // after, and takes what is left of a removed group out of after.
  function cleared(item, before, after, path, out) {
    for (const child of item.item || []) {
      if (child.linkId.startsWith('_') || hidden(child) || !child.linkId.startsWith(item.linkId)) continue;
      const name = path + child.linkId.slice(item.linkId.length);
      const was = children(before.item, child.linkId), is = children(after && after.item, child.linkId);
      if (child.type !== 'group') {
        if (child.code) clearedQuestion(child, was, is, name, out);
        continue;
      }
      was.forEach((one, n) => {
        const key = keyOf(one);
        if (child.repeats && !key) return; // a repeat that was never issued
        const other = child.repeats ? is.find((o) => keyOf(o) === key) : is[0];
        const at = child.repeats ? `${name}:${Number(key) - 1}` : name;
        if (shown(child, one) && !shown(child, other)) {
          out.push(at);
          if (other) after.item.splice(after.item.indexOf(other), 1);
        } else if (other && !compound(child)) {
          cleared(child, one, other, at, out);
        }
      });
    }
  }

  function clearedQuestion(item, was, is, name, out) {
    const before = was.flatMap((o) => o.answer || []), after = is.flatMap((o) => o.answer || []);
    if (!item.repeats) {
      if (before.length && !after.length) out.push(name);
      return;
    }
    if (after.length >= before.length) return;
    const left = after.map((a) => JSON.stringify(a));
    before.forEach((a, n) => {
      const found = left.indexOf(JSON.stringify(a));
      if (found < 0) out.push(`${name}:${n}`);
      else left.splice(found, 1);
    });
  }

  // restored puts back what was issued wherever the renderer gives back what it gave
  // back before anybody touched the form: it makes whole dates of parts of dates,
  // by the clock of this computer, and changes more in passing.
  function restored(item, issued, before, after) {
    if (!issued || !before || !after) return;
    for (const child of item.item || []) {
      const was = children(issued.item, child.linkId), base = children(before.item, child.linkId), is = children(after.item, child.linkId);
      if (child.type === 'group') {
        is.forEach((one, n) => {
          const key = keyOf(one), same = (list) => (child.repeats ? (key ? list.find((o) => keyOf(o) === key) : null) : list[n]);
          restored(child, same(was), same(base), one);
        });
        continue;
      }
      is.forEach((one, n) => {
        if (!was[n] || !base[n]) return;
        const old = was[n].answer || [], given = base[n].answer || [];
        if (!one.answer || old.length !== given.length) return;
        const left = given.map((a) => JSON.stringify(a));
        one.answer = one.answer.map((a) => {
          const found = left.indexOf(JSON.stringify(a));
          if (found < 0) return a;
          left[found] = null;
          return old[found];
        });
      });
    }
  }

  // complete makes the response to send: the answers of the renderer, and of the
  // issued response all that the renderer dropped or changed by itself.
  function complete(questionnaire, issued, baseline, rendered, status) {
    const response = JSON.parse(JSON.stringify(rendered));
    delete response.meta;
    delete response.text;
    Object.assign(response, {questionnaire: issued.questionnaire, subject: issued.subject, status, authored: new Date().toISOString()});
    for (const member of ['id', 'identifier', 'author', 'contained']) if (issued[member]) response[member] = issued[member];
    const root = questionnaire.item[0];
    let answered = children(response.item, root.linkId)[0];
    if (!answered) response.item = [answered = {linkId: root.linkId, item: []}];
    answered.item = answered.item || [];
    restored(root, children(issued.item, root.linkId)[0], children(baseline.item, root.linkId)[0], answered);
    const carriers = ['_token', '_residue'];
    answered.item = answered.item.filter((i) => !carriers.includes(i.linkId) && i.linkId !== '_deletions');
    const places = [...(issued.item || []), ...((children(issued.item, root.linkId)[0] || {}).item || [])];
    for (const linkId of carriers) {
      const carried = places.find((i) => i.linkId === linkId);
      if (carried) answered.item.push(carried);
    }
    if (issued.id) {
      const gone = [], before = children(baseline.item, root.linkId)[0];
      if (before) cleared(root, before, answered, root.linkId, gone);
      if (gone.length) answered.item.push({linkId: '_deletions', answer: gone.map((valueString) => ({valueString}))});
    }
    return response;
  }

  const prefilled = (issued) => {
    let n = 0;
    const walk = (items) => (items || []).forEach((i) => {
      if (!i.linkId.includes('_key') && !i.linkId.startsWith('_') && filled(i)) n++;
      walk(i.item);
    });
    walk(issued.item);
    return n;
  };

  return {complete, prefilled, hidden, extension};
})();
