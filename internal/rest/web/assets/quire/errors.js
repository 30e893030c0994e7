'use strict';
// What the server refused, said twice: in a summary that takes the focus, and at
// the item each issue is about.
Quire.errors = (() => {
  const {element} = Quire;
  const summary = () => document.getElementById('summary');
  const marked = new Set();

  const linkIdOf = (issue) => ((issue.extension || []).find((e) => e.url.endsWith('/linkid')) || {}).valueString || '';

  // place finds the container of an item in the rendered form. The renderer
  // names elements by linkId and position.
  function place(linkId) {
    if (!linkId) return null;
    const plainId = linkId.replace(/:\d+/g, '');
    for (const id of [plainId]) {
      const start = `item-${id}/`;
      for (const e of document.querySelectorAll('lhc-item > div[id], .lhc-item[id], [id^="item-"]')) {
        if (e.id.startsWith(start) && /^[\d/]*$/.test(e.id.slice(start.length))) return e;
      }
      for (const e of document.querySelectorAll('#form [id]')) {
        if (e.id.startsWith(id + '/') && /^[\d/]*$/.test(e.id.slice(id.length + 1))) return e.closest('.lhc-item') || e;
      }
    }
    const parent = plainId.slice(0, plainId.lastIndexOf('/'));
    return parent.includes('/') ? place(parent) : null;
  }

  const control = (container) => container.querySelector('input:not([type=hidden]), textarea, select') || container.querySelector('button') || container;

  function clear() {
    summary().hidden = true;
    summary().replaceChildren();
    for (const undo of marked) undo();
    marked.clear();
  }

  let notes = 0;

  // note says what is wrong at an input; it returns how to take that back.
  function note(container, input, text) {
    const id = `q-error-${notes++}`;
    const words = element('p', {class: 'q-error', id}, element('span', {class: 'q-hide'}, 'Error: '), text);
    container.prepend(words);
    const described = input.getAttribute('aria-describedby');
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', [described, id].filter(Boolean).join(' '));
    container.classList.add('q-wrong');
    return () => {
      words.remove();
      input.removeAttribute('aria-invalid');
      if (described) input.setAttribute('aria-describedby', described); else input.removeAttribute('aria-describedby');
      container.classList.remove('q-wrong');
    };
  }

  function mark(linkId, text) {
    const container = place(linkId);
    if (!container) return null;
    const input = control(container);
    marked.add(note(container, input, text));
    return input;
  }

  // show tells of a refusal; labels gives the words of a linkId.
  function show(refusal, labels = () => '') {
    clear();
    const box = summary(), list = element('ul');
    refusal.issues.forEach((issue) => {
      const linkId = linkIdOf(issue), text = issue.diagnostics || (issue.details || {}).text || issue.code;
      if (issue.severity === 'information') return;
      const input = issue.input || mark(linkId, text), label = labels(linkId.replace(/:\d+/g, ''));
      const words = label ? `${label}: ${text}` : text;
      list.append(element('li', {}, input ? element('a', {href: '#' + (input.id || ''), onclick: (e) => { e.preventDefault(); input.focus(); input.scrollIntoView({block: 'center'}); }}, words) : words));
    });
    // What one of the issues says need not stand above them too.
    const single = [...list.children].some((one) => one.textContent.endsWith(refusal.message));
    box.replaceChildren(element('h2', {}, 'There is a problem'), single ? '' : element('p', {}, refusal.message), list.children.length ? list : '');
    box.setAttribute('role', 'alert');
    box.hidden = false;
    box.focus();
    box.scrollIntoView({block: 'start'});
  }

  return {show, clear, note, linkIdOf};
})();
