// Makes pages follow what is captured and answers the keyboard. Every page is
// complete without it.
'use strict';
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const policy = window.trustedTypes
    ? trustedTypes.createPolicy('archiver', { createHTML: (s) => s })
    : { createHTML: (s) => s };
  const main = () => $('#main');
  const announce = (text) => { $('#announce').textContent = text; };

  // --- Following ---
  const button = $('#live');
  const label = $('.label', button);
  let following = sessionStorage.getItem('live') !== 'off';
  let stream = null;
  let busy = false;
  let waiting = false;
  let later = 0;

  function show(state, text) {
    button.dataset.state = state;
    label.textContent = text;
    button.setAttribute('aria-pressed', String(following));
  }

  // Nothing moves under a reader who selects, types or reads further up.
  function disturbs() {
    const selection = getSelection();
    if (selection && !selection.isCollapsed) return true;
    const field = document.activeElement;
    if (field && main().contains(field) && field.matches('input, select, textarea')) return true;
    return Boolean($('.flow', main())) && !atEnd();
  }

  const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 160;

  async function refresh() {
    if (busy || document.hidden || disturbs()) {
      waiting = true;
      if (!busy) show('waiting', 'New activity');
      return;
    }
    busy = true;
    waiting = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), 'text/html');
      const next = $('#main', page);
      if (!next || disturbs()) { waiting = true; return; }
      swap(document.adoptNode(next));
    } catch {
      // The next change brings another try.
    } finally {
      busy = false;
      if (following) show(waiting ? 'waiting' : 'on', waiting ? 'New activity' : 'Live');
    }
  }

  function swap(next) {
    const old = main();
    if (old.isEqualNode(next)) return;
    const end = Boolean($('.flow', old)) && atEnd();
    const top = scrollY;
    const opened = [...old.querySelectorAll('details')].map((d) => d.open);
    next.querySelectorAll('details').forEach((d, i) => { if (i in opened) d.open = opened[i]; });
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    old.replaceWith(next);
    if (focused) $(`a[href="${CSS.escape(focused)}"]`, next)?.focus({ preventScroll: true });
    scrollTo({ top: end ? document.documentElement.scrollHeight : top, behavior: 'instant' });
    announce('Updated');
  }

  function connect() {
    stream?.close();
    stream = null;
    if (!following) { show('off', 'Paused'); return; }
    stream = new EventSource('/live');
    stream.addEventListener('hello', () => show('on', 'Live'));
    stream.addEventListener('changed', () => {
      refresh();
      // The index follows a moment later.
      clearTimeout(later);
      if (location.pathname === '/search') later = setTimeout(refresh, 1500);
    });
    stream.onerror = () => show('lost', 'Offline');
  }

  if (main().hasAttribute('data-live')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      following = !following;
      sessionStorage.setItem('live', following ? 'on' : 'off');
      connect();
      if (following) refresh();
    });
    document.addEventListener('visibilitychange', () => { if (waiting && following) refresh(); });
    addEventListener('scroll', () => { if (waiting && following && !busy && !disturbs()) refresh(); }, { passive: true });
    addEventListener('pagehide', () => stream?.close());
    addEventListener('pageshow', (e) => { if (e.persisted) connect(); });
    connect();
    if ($('.flow[data-follow]') && !location.hash) scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
  }

  // --- Time zone: choosing is enough ---
  $('#zone').addEventListener('change', (e) => e.target.form.requestSubmit());

  // --- Keyboard ---
  function move(step) {
    const items = [...main().querySelectorAll('[data-item]')];
    if (!items.length) return;
    const at = items.findIndex((i) => i.classList.contains('here'));
    const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(Math.max(at + step, 0), items.length - 1)];
    items[at]?.classList.remove('here');
    next.classList.add('here');
    const link = $('a:not(.raw)', next);
    link?.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
  }

  const keys = {
    '/': () => { const q = $('#q') || $('#find'); if (q) { q.focus(); q.select(); } else location.href = '/search'; },
    j: () => move(1),
    k: () => move(-1),
    o: () => $('.here a:not(.raw)')?.click(),
    u: () => { const up = $('[data-up]'); if (up) location.href = up.href; },
  };

  addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, select, textarea')) return;
    const act = keys[e.key];
    if (act) { e.preventDefault(); act(); }
  });
})();
