'use strict';
// The pages of forms: sign in, choose a form, choose a person, fill, save, submit,
// see what is stored. Which person and which response stands in the address, so
// that every tab says whom it is about.
(() => {
  const {element, say, query, openEHR, fhir, answers, errors} = Quire;
  const template = document.body.dataset.template;
  const title = template.replace(/\.v\d+$/, '');
  const view = document.getElementById('view'), banner = document.getElementById('banner');
  const nhsNamespace = 'https://fhir.nhs.uk/Id/nhs-number';
  const address = () => new URLSearchParams(location.search);
  const formAddress = (id) => `${Quire.base}/forms/${encodeURIComponent(id)}`;

  // open is the form that is on the page; nothing of it outlives the page.
  let open = null;

  function go(values) {
    const q = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value) q.set(name, value);
    open = null;
    history.pushState(null, '', location.pathname + (q.size ? '?' + q : ''));
    route();
  }

  function show(title, ...parts) {
    errors.clear();
    view.replaceChildren(element('h1', {tabindex: '-1', id: 'title'}, title), ...parts);
    document.getElementById('title').focus({preventScroll: true});
    window.scrollTo(0, 0);
  }

  function refuse(refusal) {
    if (!(refusal instanceof Quire.Refusal)) {
      console.error(refusal);
      refusal = new Quire.Refusal(0, {message: 'The page failed: ' + refusal.message});
    }
    if (refusal.status === 401) {
      Quire.signOut();
      session();
      if (!open) signIn();
    }
    errors.show(refusal, (linkId) => (open && open.labels.get(linkId)) || '');
  }

  const button = (text, onclick, kind = '') => element('button', {type: 'button', class: `q-button ${kind}`, onclick}, text);

  const field = (id, label, hint, attributes = {}) => element('div', {class: 'q-field'}, element('label', {for: id}, label),
    hint ? element('p', {class: 'q-hint', id: id + '-hint'}, hint) : '', element('input', {id, name: id, 'aria-describedby': hint ? id + '-hint' : null, ...attributes}));

  const formOf = (submit, ...parts) => element('form', {class: 'q-card', novalidate: true, onsubmit: (e) => { e.preventDefault(); errors.clear(); submit(e.target).catch(refuse); }}, ...parts);

  function session() {
    const place = document.getElementById('session');
    place.replaceChildren(Quire.signedIn() ? element('button', {type: 'button', class: 'q-quiet', onclick: () => { Quire.signOut(); open = null; location.reload(); }}, 'Sign out') : '');
  }

  function signIn() {
    person(null);
    show('Sign in', formOf(async (f) => {
      const token = f.elements.token.value.trim();
      if (!token) throw new Quire.Refusal(0, {message: 'Enter a token'});
      Quire.signIn(token);
      session();
      route();
    }, element('p', {}, 'Give the bearer token of your account. It stays in this tab and is forgotten when the tab is closed.'),
    field('token', 'Token', document.querySelector('.q-demo') ? 'The demo tokens are those that "quire up" printed.' : '', {type: 'password', autocomplete: 'off', spellcheck: 'false', required: true}),
    element('button', {class: 'q-button'}, 'Sign in')));
  }

  async function list() {
    const {content} = await Quire.get(openEHR + '/definition/template/adl1.4');
    person(null);
    const rows = content.map((t) => element('li', {}, element('a', {href: formAddress(t.template_id) + location.search}, t.concept || t.template_id.replace(/\.v\d+$/, '')),
      element('span', {class: 'q-hint'}, t.template_id)));
    show('Forms', element('p', {}, 'Every template is a form. Choose one; then choose the person it is for.'), element('ul', {class: 'q-list'}, rows));
    say(`${rows.length} forms`);
  }

  // person fills the banner that says whom everything on the page is about.
  function person(p) {
    banner.hidden = !p;
    banner.replaceChildren();
    if (!p) return;
    const grouped = /^\d{10}$/.test(p.subject) ? p.subject.replace(/(\d{3})(\d{3})(\d{4})/, '$1 $2 $3') : p.subject;
    const fact = (label, text) => element('div', {}, element('dt', {}, label), element('dd', {}, text));
    banner.append(element('div', {class: 'q-wide'}, element('dl', {},
      fact('Name', p.name || 'not held here'), fact(p.namespace === nhsNamespace ? 'NHS number' : 'Identifier', grouped || 'none'), fact('EHR', p.ehr))));
  }

  // readPerson reads whom an EHR is about.
  async function readPerson(ehr) {
    const {content} = await Quire.get(`${openEHR}/ehr/${encodeURIComponent(ehr)}/ehr_status`);
    const ref = (content.subject || {}).external_ref || {};
    return {ehr, subject: (ref.id || {}).value || '', namespace: ref.namespace || '', name: (content.subject || {}).name || ''};
  }

  function choosePerson() {
    person(null);
    const found = element('div', {id: 'people'});
    const look = async (f) => {
      const text = f.elements.person.value.trim();
      if (!text) throw new Quire.Refusal(0, {message: 'Enter an NHS number, another identifier or an EHR id'});
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return go({ehr: text.toLowerCase()});
      const number = text.replace(/\s/g, ''), namespace = f.elements.namespace.value.trim() || nhsNamespace;
      const {content} = await Quire.get(openEHR + '/ehr' + query({subject_id: namespace === nhsNamespace ? number : text, subject_namespace: namespace}));
      go({ehr: content.ehr_id.value});
    };
    show(title, element('h2', {}, 'Who is this form about?'), formOf(look,
      field('person', 'NHS number, other identifier or EHR id', 'An NHS number has 10 digits, like 999 000 0018', {autocomplete: 'off', inputmode: 'text', required: true}),
      element('details', {}, element('summary', {}, 'Another kind of identifier'), field('namespace', 'Namespace of the identifier', '', {value: nhsNamespace, autocomplete: 'off'})),
      element('button', {class: 'q-button'}, 'Find')), found);
    people(found);
  }

  // people lists whom the caller may see, where he may ask for a list at all.
  async function people(into) {
    let rows;
    try {
      ({content: {rows}} = await Quire.get(openEHR + '/query/aql' + query({fetch: '50',
        q: 'SELECT e/ehr_id/value, e/ehr_status/subject/external_ref/id/value FROM EHR e'})));
    } catch { return; } // only those with the right to query a population get a list
    if (!rows.length) return;
    into.append(element('h2', {}, 'People you may see'), element('ul', {class: 'q-list'}, rows.map(([ehr, subject]) =>
      element('li', {}, element('a', {href: location.pathname + query({ehr})}, subject || 'No identifier'), element('span', {class: 'q-hint'}, ehr)))));
  }

  async function questionnaire() {
    const {content} = await Quire.get(fhir + '/Questionnaire' + query({'openehr-template': template}));
    if (!content.entry || !content.entry.length) throw new Quire.Refusal(404, {message: `There is no form of the template "${template}".`});
    return content.entry[0].resource;
  }

  const versionOf = (r) => (r.meta || {}).versionId;

  // chooseResponse offers what there is of this form for this person.
  async function chooseResponse(ehr) {
    const form = await questionnaire();
    const search = (status) => Quire.get(fhir + '/QuestionnaireResponse' + query({ehr, questionnaire: form.id, status, _count: '20'})).then((a) => ({
      withheld: a.headers.get('Quire-Disclosure') === 'may-be-withheld', all: (a.content.entry || []).map((e) => e.resource)}));
    const [who, drafts, stored] = await Promise.all([readPerson(ehr), search('in-progress'), search('completed')]);
    const rows = (all, verb) => element('ul', {class: 'q-list'}, all.map((r) => element('li', {},
      element('a', {href: location.pathname + query({ehr, response: r.id, version: versionOf(r)})}, `${verb} ${Quire.document.time(r.authored)}`),
      element('span', {class: 'q-hint'}, `${(r.author || {}).display || ''}, version ${versionOf(r)}`))));
    show(title, element('p', {}, button('Start the form', () => go({ehr, response: 'new'}))),
      drafts.all.length ? element('section', {}, element('h2', {}, 'Drafts'), rows(drafts.all, 'Continue the draft saved')) : '',
      stored.all.length ? element('section', {}, element('h2', {}, 'Stored'), rows(stored.all, 'Open the one stored')) : '',
      !drafts.all.length && !stored.all.length && !drafts.withheld && !stored.withheld ? element('p', {}, 'Nothing of this form is stored for this person.') : '',
      drafts.withheld || stored.withheld ? element('p', {class: 'q-note'}, 'There may be more that you are not shown.') : '');
    person(who);
  }

  const parameter = (r, name) => ((r.parameter || []).find((p) => p.name === name) || {}).resource;

  async function issue(form, ehr, id, version) {
    if (id === 'new') {
      const {content} = await Quire.post(`${fhir}/Questionnaire/${encodeURIComponent(form.id)}/$populate${query({ehr})}`);
      return content.resourceType === 'Parameters' ? {response: parameter(content, 'response'), notes: parameter(content, 'issues')} : {response: content};
    }
    const {content} = await Quire.get(`${fhir}/QuestionnaireResponse/${encodeURIComponent(id)}${version ? `/_history/${encodeURIComponent(version)}` : ''}`);
    return {response: content};
  }

  function labelsOf(form) {
    const labels = new Map();
    const walk = (items) => (items || []).forEach((i) => { labels.set(i.linkId, i.text || ''); walk(i.item); });
    walk(form.item);
    return labels;
  }

  // fill opens the form of one response.
  async function fill(ehr, id, version) {
    const form = await questionnaire();
    const [who, issued] = await Promise.all([readPerson(ehr), issue(form, ehr, id, version)]);
    const named = ((issued.response.subject || {}).identifier || {}).value;
    if (named && named.toLowerCase() !== 'urn:uuid:' + ehr.toLowerCase()) throw new Quire.Refusal(409, {message: 'This response is about another person than the address says.'});
    if (id !== 'new' && !(issued.response.questionnaire || '').includes(`${fhir}/Questionnaire/`)) throw new Quire.Refusal(409, {message: 'This response answers a form from elsewhere and cannot be filled in here.'});
    open = {form, ehr, issued: issued.response, labels: labelsOf(form), busy: false, started: issued.response.status};
    const place = element('div', {id: 'form', class: 'q-form'});
    const n = answers.prefilled(issued.response);
    show(title, status(open.issued, id === 'new'), n && id === 'new' ? element('p', {class: 'q-note'}, `${n} ${n === 1 ? 'answer is' : 'answers are'} filled in from the record. Check each before you submit.`) : '',
      notes(issued.notes), place,
      element('div', {class: 'q-actions'}, button('Submit', () => submit('completed')), button('Save draft', () => submit('in-progress'), 'q-second'),
        element('a', {href: location.pathname + query({ehr})}, 'Leave without saving')));
    person(who);
    await LForms.Util.addFormToPage(form, place, {fhirVersion: 'R4', questionnaireResponse: issued.response, prepopulate: false});
    open.baseline = rendered();
    name(place);
    place.dataset.ready = 'true';
    say(`${title} is ready.`);
  }

  // name gives what the renderer leaves without a name the words beside it.
  function name(place) {
    for (const e of place.querySelectorAll('input, textarea, select')) {
      if (e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || (e.labels && e.labels.length)) continue;
      const container = e.closest('.lhc-item'), label = container && container.querySelector('label, .lhc-question');
      if (label) e.setAttribute('aria-label', label.textContent.trim());
    }
  }

  const rendered = () => LForms.Util.getFormFHIRData('QuestionnaireResponse', 'R4', document.getElementById('form'));

  // status says what the form is: new, a draft, a stored one, or the next version of
  // one of which a person has one only.
  function status(r, next) {
    if (!r.id) return element('p', {class: 'q-state'}, element('span', {class: 'q-tag'}, 'New'), ' Nothing is stored yet.');
    const stored = `ersion ${versionOf(r)}, ${Quire.document.time(r.meta.lastUpdated)}`;
    const words = next ? 'Update' : r.status === 'in-progress' ? 'Draft' : 'Stored';
    return element('p', {class: 'q-state'}, element('span', {class: 'q-tag'}, words), next ? ` This person has one: v${stored}. Submit stores its next version.` : ` V${stored}`);
  }

  function notes(outcome) {
    const list = outcome && outcome.issue ? outcome.issue : [];
    if (!list.length) return '';
    return element('details', {class: 'q-note'}, element('summary', {}, `Where the answers come from (${list.length})`), element('ul', {}, list.map((i) => {
      const label = open.labels.get(errors.linkIdOf(i).replace(/:\d+/g, ''));
      return element('li', {}, (label ? label + ': ' : '') + (i.diagnostics || (i.details || {}).text || ''));
    })));
  }

  async function submit(wish) {
    if (!open || open.busy) return;
    open.busy = true;
    errors.clear();
    await Quire.dates.settle();
    const wrong = Quire.dates.standing();
    if (wrong.length) {
      open.busy = false;
      return errors.show({message: 'A date was not taken, so nothing was sent.', issues: wrong.map(({input, words}) => ({input, diagnostics: `${input.getAttribute('aria-label') || 'Date'}: ${words}`}))});
    }
    const buttons = document.querySelectorAll('.q-actions button');
    buttons.forEach((b) => b.setAttribute('aria-disabled', 'true'));
    try {
      const state = wish === 'completed' && open.issued.id && open.started === 'completed' ? 'amended' : wish;
      const response = answers.complete(open.form, open.issued, open.baseline, rendered(), state);
      const {content, headers} = await Quire.post(`${fhir}/Questionnaire/${encodeURIComponent(open.form.id)}/$process-response${query({ehr: open.ehr})}`, response);
      const uid = decodeURIComponent((headers.get('ETag') || '').replace(/^W\//, '').replaceAll('"', ''));
      const [object, , version] = uid.split('::');
      const did = ((content.issue || [])[0] || {}).details;
      open = null;
      if (wish === 'in-progress') {
        history.replaceState(null, '', location.pathname + query({ehr: address().get('ehr'), response: object, version}));
        await route();
        say('The draft is saved.');
      } else {
        history.pushState(null, '', location.pathname + query({ehr: address().get('ehr'), composition: uid}));
        await route((content.issue || []).filter((i) => i !== content.issue[0]), did && did.text === 'unchanged');
      }
    } catch (refusal) {
      if (open) open.busy = false;
      buttons.forEach((b) => b.removeAttribute('aria-disabled'));
      refuse(refusal);
      if (open && (refusal.status === 412 || refusal.status === 409) && open.issued.id) {
        document.getElementById('summary').append(button('Open the newest version', () => go({ehr: open.ehr, response: open.issued.id}), 'q-second'));
      }
    }
  }

  // stored shows a composition, with the way to its PDF.
  async function stored(ehr, uid, news = [], unchanged = false) {
    const at = `${openEHR}/ehr/${encodeURIComponent(ehr)}/composition/${encodeURIComponent(uid)}`;
    const [who, {content, headers}] = await Promise.all([readPerson(ehr), Quire.get(at)]);
    const object = uid.split('::')[0];
    const pdf = async () => {
      const answer = await Quire.get(at, {as: 'pdf'});
      const link = element('a', {href: URL.createObjectURL(answer.content), download: `${object}.pdf`});
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      say('The PDF is downloaded.');
    };
    show(title || (content.name || {}).value,
      element('p', {class: 'q-done', id: 'done'}, unchanged ? 'Nothing was changed, so nothing new was stored.' : 'This is stored in the record.'),
      news.length ? element('ul', {class: 'q-note'}, news.map((i) => element('li', {}, i.diagnostics || ''))) : '',
      element('div', {class: 'q-actions'}, button('Download as PDF', () => pdf().catch(refuse)),
        element('a', {href: location.pathname + query({ehr, response: object})}, 'Change it'), element('a', {href: location.pathname + query({ehr})}, 'All of this form'), element('a', {href: `${Quire.base}/forms${query({ehr})}`}, 'Other forms for this person')),
      Quire.document.render(content, headers.get('Last-Modified')));
    person(who);
  }

  async function route(...more) {
    session();
    errors.clear();
    if (!Quire.signedIn()) return signIn();
    const q = address(), ehr = q.get('ehr');
    try {
      if (!template) {
        await list();
        if (ehr) person(await readPerson(ehr));
      } else if (!ehr) choosePerson();
      else if (q.get('composition')) await stored(ehr, q.get('composition'), ...more);
      else if (q.get('response')) await fill(ehr, q.get('response'), q.get('version'));
      else await chooseResponse(ehr);
    } catch (refusal) {
      open = null;
      if (!view.querySelector('h1')) show('Forms');
      refuse(refusal);
    }
  }

  window.addEventListener('popstate', () => { open = null; route(); });
  window.addEventListener('beforeunload', (e) => {
    if (open && open.baseline && JSON.stringify(rendered().item) !== JSON.stringify(open.baseline.item)) e.preventDefault();
  });
  Quire.rendered = rendered;
  route();
})();
