/* What all pages share: making elements (text is always text), keyed lists, words for numbers, the frame, the news. */
(() => {
  const theme = localStorage.getItem('cosmos-theme') || 'dark';
  document.documentElement.dataset.theme = theme;
  const cosmos = window.cosmos = { pages: {} };

  /* h('a.link', {href}, 'text', child): attributes that begin with `on` are listeners. */
  const h = cosmos.h = (what, attributes, ...children) => {
    const [tag, ...classes] = what.split('.');
    const element = document.createElement(tag || 'div');
    if (classes.length) element.className = classes.join(' ');
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else if (name in element && typeof value !== 'string') element[name] = value;
      else element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
    return element;
  };

  /* Children of `root` are those of `rows`, one for each key; what is there stays the same element. */
  cosmos.keyed = (root, rows, key, make, update) => {
    const there = new Map([...root.children].map(child => [child.dataset.key, child]));
    let place = root.firstElementChild;
    for (const row of rows) {
      let child = there.get(key(row));
      if (!child) { child = make(row); child.dataset.key = key(row); }
      there.delete(key(row));
      update(child, row);
      if (child === place) place = place.nextElementSibling; else root.insertBefore(child, place);
    }
    for (const child of there.values()) child.remove();
  };
  cosmos.write = (element, text) => { if (element.textContent !== String(text)) element.textContent = text; };
  cosmos.state = word => h('span.state.' + word, {}, cosmos.word(word));
  cosmos.word = word => word === 'OutOfSync' ? 'Out of sync' : word;
  cosmos.mark = (element, word) => { element.className = 'state ' + word; cosmos.write(element, cosmos.word(word)); };

  cosmos.span = seconds => {
    if (seconds === null || seconds === undefined) return '';
    const s = Math.round(seconds);
    if (seconds < 10) return seconds.toFixed(1) + 's';
    if (s < 60) return s + 's';
    if (s < 3600) return Math.floor(s / 60) + 'm' + String(s % 60).padStart(2, '0') + 's';
    if (s < 86400) return Math.floor(s / 3600) + 'h' + String(Math.floor(s % 3600 / 60)).padStart(2, '0') + 'm';
    return Math.floor(s / 86400) + 'd' + Math.floor(s % 86400 / 3600) + 'h';
  };
  cosmos.ago = at => {
    if (!at) return '';
    const gone = Date.now() / 1000 - at;
    return gone < 5 ? 'just now' : cosmos.span(gone < 60 ? Math.max(10, gone) : gone).replace(/(\dm)\d\ds$/, '$1') + ' ago';
  };
  cosmos.time = at => at ? new Date(at * 1000).toLocaleString() : '';
  cosmos.bytes = count => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB']; let unit = 0;
    while (count >= 1000 && unit < 4) { count /= 1000; unit++; }
    return (unit && count < 100 ? count.toFixed(1) : Math.round(count)) + ' ' + units[unit];
  };
  cosmos.many = (count, word) => count.toLocaleString('en') + ' ' + word + (count === 1 ? '' : 's');
  cosmos.link = (path, query) => {
    const words = new URLSearchParams(Object.entries(query || {}).filter(([, value]) => value !== '' && value !== undefined && value !== null));
    return path + (String(words) ? '?' + String(words).replace(/%2F/g, '/').replace(/%2C/g, ',') : '');
  };
  cosmos.rated = rating => rating ? '★'.repeat(rating) + '☆'.repeat(5 - rating) : '';
  cosmos.run = key => cosmos.link('/runs', { run: key });

  /* A video that plays while it is pointed at or has the focus, and costs one picture until then. */
  cosmos.shot = row => {
    const box = h('div.shot');
    cosmos.reshot(box, row);
    return box;
  };
  cosmos.reshot = (box, row) => {
    if (box.dataset.video === row.video && box.dataset.poster === row.poster && box.dataset.phase === row.phase) return;
    Object.assign(box.dataset, { video: row.video, poster: row.poster, phase: row.phase });
    box.classList.toggle('none', !row.video && !row.poster);
    if (row.video) box.replaceChildren(Object.assign(h('video', { src: row.video, poster: row.poster, preload: row.poster ? 'none' : 'metadata', loop: true, playsinline: true, tabindex: '-1', 'aria-hidden': 'true' }), { muted: true }));
    else if (row.poster) box.replaceChildren(h('img', { src: row.poster, alt: '', loading: 'lazy' }));
    else box.replaceChildren(h('span.faint', {}, row.phase === 'Succeeded' ? 'no video' : row.phase === 'Failed' ? 'failed' : 'no result yet'));
  };
  cosmos.playOver = card => {
    const video = () => card.querySelector('video');
    const play = () => { const v = video(); if (v) v.play().catch(() => {}); };
    const stop = () => { const v = video(); if (v) v.pause(); };
    card.addEventListener('mouseenter', play); card.addEventListener('mouseleave', stop);
    card.addEventListener('focusin', play); card.addEventListener('focusout', stop);
  };

  const links = [['overview', '/', 'Overview'], ['inputs', '/inputs', 'Inputs'], ['prompts', '/prompts', 'Prompts'], ['runs', '/runs', 'Runs'], ['compare', '/compare', 'Compare'], ['queue', '/queue', 'Queue'], ['plan', '/plan', 'Plan'], ['activity', '/activity', 'Activity']];

  const frame = (name, root) => {
    const live = h('span.live', { role: 'status' }, 'live');
    const other = () => document.documentElement.dataset.theme === 'dark' ? 'Light' : 'Dark';
    const paint = () => document.body.classList.toggle('dark', document.documentElement.dataset.theme === 'dark');
    const toggle = h('button.plain', { id: 'theme', title: 'Change between dark and light', onclick: () => {
      const next = other().toLowerCase();
      document.documentElement.dataset.theme = next; localStorage.setItem('cosmos-theme', next);
      cosmos.write(toggle, other()); paint();
    } }, other());
    paint();
    const main = h('main', {}, h('p.soft', {}, 'Loading ...'));
    root.replaceChildren(h('header.bar', {}, h('a.brand', { href: '/' }, h('i'), 'cosmos'),
      h('nav', { 'aria-label': 'Pages' }, links.map(([page, href, title]) => h('a', { href, 'aria-current': page === name ? 'page' : null }, title))),
      h('div.end', {}, live, toggle)), main);
    root.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
    return { live, main };
  };

  /* Begin a page: `make(main, page)` gives { draw(data, query), done(act, what), trouble(words) }. */
  cosmos.begin = (name, element, props, trigger, watch) => {
    if (element.dataset.begun) return;
    element.dataset.begun = 'yes';
    const { live, main } = frame(name, element.querySelector('.cosmos') || element);
    let turn = 0, drawn = false;
    const note = h('div.note.bad', { role: 'alert', hidden: true });
    const page = {
      query: Object.fromEntries(new URLSearchParams(location.search)),
      ask: () => { turn += 1; trigger('apply', { query: page.query, turn: String(turn) }); },
      go: (changes, { keep = false } = {}) => {
        const next = { ...page.query, ...changes };
        for (const key of Object.keys(next)) if (next[key] === '' || next[key] === undefined || next[key] === null) delete next[key];
        page.query = next;
        history[keep ? 'replaceState' : 'pushState'](null, '', cosmos.link(location.pathname, next));
        page.ask();
      },
      act: (act, given) => trigger('submit', { act, given: given || {} }),
    };
    window.addEventListener('popstate', () => { page.query = Object.fromEntries(new URLSearchParams(location.search)); page.ask(); });
    const shown = cosmos.pages[name](main, page);
    const take = () => {
      const value = props.value || {};
      if (value.act) {
        if (value.error) { tell(value); if (shown.failed) shown.failed(value.act); } else { note.hidden = true; shown.done(value.act, value.done); }
        return;
      }
      if (!('query' in value) || (value.turn && value.turn !== String(turn)) || (turn && !value.turn)) return;
      if (!drawn) { drawn = true; main.querySelector('p')?.remove(); }
      if (value.error) tell(value); else { note.hidden = true; shown.draw(value.data, page.query); element.dataset.drawn = String(Number(element.dataset.drawn || 0) + 1); }
    };
    const tell = value => {
      note.replaceChildren(h('p', {}, value.error), value.hint ? h('p', {}, value.hint) : '');
      note.hidden = false;
      if (note.parentElement !== main) main.prepend(note);
    };
    watch('value', take); take();

    let last = null;
    const listen = () => {
      const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/ws/news');
      socket.onmessage = event => {
        live.className = 'live'; cosmos.write(live, 'live');
        if (last !== null && last !== event.data) page.ask(); // the first one is only where we stand
        last = event.data;
      };
      socket.onclose = () => { live.className = 'live off'; cosmos.write(live, 'not connected'); setTimeout(listen, 2000); };
    };
    listen();
  };
})();
