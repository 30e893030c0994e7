'use strict';
// The API as pages use it. The token stays in this tab: it is never a cookie and
// never leaves sessionStorage, which the browser forgets with the tab.
window.Quire = (() => {
  const base = document.body.dataset.base;
  const key = 'quire.token';

  // A token may arrive in the fragment of the address, which is never sent to any
  // server; it is taken out of the address at once.
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem(key, given);
    history.replaceState(null, '', location.pathname + location.search);
  }

  class Refusal extends Error {
    constructor(status, body) {
      super(Refusal.text(status, body));
      this.status = status;
      this.body = body;
    }
    static text(status, body) {
      if (body && body.resourceType === 'OperationOutcome' && body.issue && body.issue.length) {
        const first = body.issue[0];
        return first.diagnostics || (first.details && first.details.text) || 'The request was refused.';
      }
      if (body && body.message) return body.message;
      return {401: 'The token was not accepted. Sign in again.', 403: 'You may not do this.', 404: 'This does not exist, or you may not see it.',
        503: 'The server is busy or a part of it is down. Try again in a moment.'}[status] || `The server answered ${status}.`;
    }
    get issues() { return (this.body && this.body.resourceType === 'OperationOutcome' && this.body.issue) || []; }
  }

  async function send(method, path, {body, headers = {}, as = 'json'} = {}) {
    const token = sessionStorage.getItem(key);
    const all = {Accept: as === 'pdf' ? 'application/pdf' : 'application/json', ...headers};
    if (token) all.Authorization = 'Bearer ' + token;
    if (body !== undefined) all['Content-Type'] = 'application/json';
    const request = {method, headers: all, credentials: 'omit', cache: 'no-store', body: body === undefined ? undefined : JSON.stringify(body)};
    let answer;
    // A server that is busy says when to come back, and did nothing until then; what
    // pages send may be sent twice, a submit too: its token makes one version of it.
    for (let left = 2; ; left--) {
      try {
        answer = await fetch(base + path, request);
      } catch {
        throw new Refusal(0, {message: 'The server cannot be reached. What you entered is still on this page.'});
      }
      if (answer.status !== 503 || left === 0) break;
      const wait = Math.min(Number(answer.headers.get('Retry-After')) || 1, 3);
      say('The server is busy. Trying again.');
      await new Promise((done) => { setTimeout(done, wait * 1000); });
    }
    if (!answer.ok) {
      let text = null;
      try { text = await answer.json(); } catch { /* the status says enough */ }
      throw new Refusal(answer.status, text);
    }
    const content = answer.status === 204 ? null : as === 'json' ? await answer.json() : as === 'pdf' ? await answer.blob() : await answer.text();
    return {content, headers: answer.headers, status: answer.status};
  }

  const query = (values) => {
    const q = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value) q.set(name, value);
    return '?' + q;
  };
  const openEHR = '/rest/openehr/v1', fhir = '/fhir/r4';

  // element makes an element: text is never read as HTML.
  function element(name, attributes = {}, ...children) {
    const e = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (attribute.startsWith('on')) e.addEventListener(attribute.slice(2), value);
      else e.setAttribute(attribute, value === true ? '' : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined && child !== '') e.append(child);
    return e;
  }

  // say tells screen readers, and everybody else, what happened.
  function say(text) {
    const status = document.getElementById('status');
    status.textContent = '';
    requestAnimationFrame(() => { status.textContent = text; });
  }

  return {
    base, Refusal, element, say, query, openEHR, fhir,
    signedIn: () => sessionStorage.getItem(key) !== null,
    signIn: (token) => sessionStorage.setItem(key, token),
    signOut: () => sessionStorage.clear(),
    get: (path, options) => send('GET', path, options),
    post: (path, body, headers) => send('POST', path, {body, headers}),
  };
})();
