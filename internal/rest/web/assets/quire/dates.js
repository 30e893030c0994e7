'use strict';
// Dates as people type them. The renderer's picker reads text by the rules of
// JavaScript, in which 03/04/2026 is the fourth of March and 13/04/2026 nothing,
// and puts back what was there before without a word. So it shows and reads dates
// with the month in letters (see locale.js), and what is typed is read here,
// day before month, and handed to it in that form. What is no date is refused at
// its item, and so is what the picker did not take.
Quire.dates = (() => {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const problems = new Map();
  const two = (n) => String(n).padStart(2, '0');

  const inputOf = (node) => (node instanceof HTMLInputElement && node.closest('#form .ant-picker') && !node.closest('nz-time-picker') ? node : null);
  const timed = (input) => Boolean(input.closest('.lhc-datetime-picker'));

  // read gives the form the picker takes, or null for what is no date.
  function read(text, withTime) {
    const found = /^(.+?)(?:(?:\s+|T|,\s*)(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/i.exec(text.trim().replace(/\s+/g, ' '));
    if (!found || Boolean(found[2]) !== withTime) return null;
    const [, date, hour = '0', minute = '0', second = '0'] = found;
    let day, month, year, parts;
    if ((parts = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4})$/.exec(date))) [, day, , month, year] = parts;
    else if ((parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date))) [, year, month, day] = parts;
    else if ((parts = /^(\d{1,2})[ -]([a-z]{3,9})[ -](\d{4})$/i.exec(date))) {
      [, day, month, year] = parts;
      month = months.findIndex((m) => m.toLowerCase() === month.slice(0, 3).toLowerCase()) + 1;
    } else return null;
    const at = new Date(year, month - 1, day, hour, minute, second);
    if (at.getFullYear() !== Number(year) || at.getMonth() !== month - 1 || at.getDate() !== Number(day)) return null;
    if (at.getHours() !== Number(hour) || at.getMinutes() !== Number(minute) || at.getSeconds() !== Number(second)) return null;
    const shown = `${two(day)} ${months[month - 1]} ${year}`;
    return withTime ? `${shown} ${two(hour)}:${two(minute)}:${two(second)}` : shown;
  }

  const example = (withTime) => (withTime ? 'Give day, month, year and time, like 03/04/2026 14:30' : 'Give day, month and year, like 03/04/2026');

  function settled(input) {
    const problem = problems.get(input);
    if (problem) problem.undo();
    problems.delete(input);
  }

  function refuse(input, text) {
    settled(input);
    const words = text ? `"${text}" was not taken. ${example(timed(input))}.` : 'The date was not cleared. Use the button beside it.';
    const container = input.closest('[id^="item-"]') || input.parentElement;
    problems.set(input, {input, words, undo: Quire.errors.note(container, input, words)});
    Quire.say(words);
  }

  const typed = new WeakMap();

  // hand gives the picker what was typed, while the focus is still in it: it takes
  // values only then.
  function hand(input) {
    const text = input.value.trim(), wanted = typed.get(input);
    if (wanted === undefined) return;
    if (!text) {
      const clear = input.closest('.ant-picker').querySelector('.ant-picker-clear');
      if (clear) clear.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
      typed.set(input, {shown: '', text});
      return;
    }
    const shown = read(text, timed(input));
    typed.set(input, {shown, text});
    if (!shown) return;
    input.value = shown;
    input.dispatchEvent(new Event('input', {bubbles: true}));
  }

  // check compares what the picker shows with what was meant, once it is left.
  function check(input) {
    const meant = typed.get(input);
    if (!meant || document.activeElement === input) return;
    typed.delete(input);
    if (meant.shown !== null && input.value === meant.shown) settled(input);
    else refuse(input, meant.text);
  }

  // settle leaves a date that is still being typed and waits until it was judged.
  async function settle() {
    const input = inputOf(document.activeElement);
    if (!input) return;
    hand(input);
    input.blur();
    await new Promise((done) => { setTimeout(done, 0); });
  }

  document.addEventListener('input', (e) => {
    const input = inputOf(e.target);
    if (input && e.isTrusted) typed.set(input, null);
  }, true);
  document.addEventListener('keydown', (e) => {
    const input = inputOf(e.target);
    if (input && (e.key === 'Tab' || e.key === 'Enter')) hand(input);
  }, true);
  document.addEventListener('pointerdown', (e) => {
    const input = inputOf(document.activeElement);
    if (input && e.target !== input && !(e.target instanceof Element && e.target.closest('.ant-picker-dropdown'))) hand(input);
  }, true);
  document.addEventListener('focusout', (e) => {
    const input = inputOf(e.target);
    if (!input || !typed.has(input)) return;
    const text = input.value.trim();
    if (!typed.get(input)) typed.set(input, {shown: text && read(text, timed(input)), text});
    setTimeout(check, 0, input);
  }, true);

  // standing are the dates that were refused and not put right since.
  function standing() {
    for (const input of [...problems.keys()]) if (!input.isConnected) problems.delete(input);
    return [...problems.values()];
  }

  return {standing, settle, read};
})();
