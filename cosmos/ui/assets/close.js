/* One run from close by: player, inputs and controls, parameters, provenance, attempts and events, log with live tail. */
cosmos.close = page => {
  const { h, keyed, write, mark, span, ago, time, bytes } = cosmos;
  const title = h('h2'), state = h('span.state'), why = h('div'), media = h('div'), text = h('p', { style: 'white-space:pre-wrap;overflow-wrap:anywhere' }), negative = h('p.faint');
  const inputs = h('div.ins'), params = h('dl.kv'), facts = h('dl.kv'), files = h('div'), attempts = h('div'), events = h('div');
  const review = cosmos.review(page), actions = cosmos.actions();
  const section = (name, ...children) => h('section.sec', {}, h('h3', {}, name), ...children);
  const pairs = (list, rows) => keyed(list, rows.flatMap(([name, value]) => [['dt', name, name], ['dd', name, value]]), row => row[0] + row[1], row => h(row[0] === 'dt' ? 'dt' : 'dd.mono'), (item, row) => write(item, row[2]));
  const log = cosmos.log();
  const origin = h('pre.log', { hidden: true });
  const show = h('button', { onclick: async () => {
    if (!origin.hidden) { origin.hidden = true; return; }
    const answer = await fetch(show.dataset.url);
    origin.textContent = answer.ok ? await answer.text() : 'It could not be read: ' + answer.status;
    origin.hidden = false;
  } }, 'Provenance');
  const result = section('Files', files, show, origin), about = section('Prompt', text, negative), ins = section('Inputs and controls', inputs), pars = section('Parameters', params), tries = section('Attempts', attempts), past = section('Events', events);
  const element = h('aside.pane.close', { hidden: true, 'aria-label': 'The open run' },
    h('div.top', {}, title, state, h('button.plain', { title: 'Previous (k)', 'aria-label': 'Previous run', onclick: () => close.step(-1) }, '‹'), h('button.plain', { title: 'Next (j)', 'aria-label': 'Next run', onclick: () => close.step(1) }, '›'), h('button.plain', { title: 'Close (Escape)', 'aria-label': 'Close', onclick: () => page.go({ run: '' }) }, '×')),
    media, review.element, actions.element, why, about, ins, pars, section('Provenance', facts), result, tries, past, section('Log', log.element));
  const player = url => {
    if (media.dataset.url === url) return;
    media.dataset.url = url;
    media.replaceChildren(...(url ? [Object.assign(h('video.player', { src: url, controls: true, loop: true, autoplay: true, playsinline: true, 'aria-label': 'The result' }), { muted: true })] : []));
  };
  const close = { element, rate: review.rate, step: () => {}, draw(row) {
    element.hidden = !row;
    review.draw(row); actions.draw(row);
    if (!row) { log.follow(''); player(''); return; }
    write(title, row.key); mark(state, row.phase); player(row.video);
    why.className = row.words || row.remedy ? 'sec' : '';
    why.replaceChildren(...(row.words || row.remedy ? [h('p', {}, (row.reason ? row.reason + ': ' : '') + row.words), row.remedy ? h('p.soft', {}, row.remedy) : ''] : []));
    about.hidden = !row.text; write(text, row.text); write(negative, row.negative ? 'not: ' + row.negative : '');
    ins.hidden = !row.inputs.length;
    keyed(inputs, row.inputs, one => one.role + one.path, one => h('figure', {}, one.video ? Object.assign(h('video', { src: one.url, controls: true, loop: true, preload: 'metadata', playsinline: true, 'aria-label': one.role }), { muted: true }) : '', h('figcaption')),
      (item, one) => item.lastChild.replaceChildren(h('b', {}, one.role), one.weight ? ' ' + one.weight : '', one.path ? '' : ' computed by the model', one.path && !one.video ? ' ' + one.path : ''));
    pars.hidden = !Object.keys(row.params).length; pairs(params, Object.entries(row.params)); pairs(facts, row.facts);
    result.hidden = !row.files.length;
    keyed(files, row.files, file => file.name, file => h('a.line', { href: file.url, download: '' }, h('span.key.link', {}, file.name), h('span.soft')), (item, file) => { write(item.lastChild, bytes(file.size)); item.title = 'sha256 ' + file.sha256; });
    const provenance = row.files.find(file => file.name === 'provenance.json');
    show.hidden = !provenance;
    if (provenance && show.dataset.url !== provenance.url) { show.dataset.url = provenance.url; origin.hidden = true; }
    tries.hidden = !row.attempts.length;
    keyed(attempts, row.attempts, one => one.digest + one.number, () => h('div.line.tall', {}, h('span.key'), h('span.soft'), h('p.soft')), (item, one) => {
      write(item.children[0], `${one.number}. ${one.state} on ${one.host}`); write(item.children[1], [span(one.took), ago(one.at)].filter(Boolean).join(' · '));
      item.title = time(one.at); write(item.children[2], [one.reason, one.words].filter(Boolean).join(': ')); item.children[2].hidden = !one.reason && !one.words;
    });
    past.hidden = !row.events.length;
    keyed(events, row.events, one => one.kind + one.reason + one.words, () => h('div.line.tall', {}, h('span.key'), h('span.faint'), h('p.soft')), (item, one) => { write(item.children[0], one.reason + (one.n > 1 ? ` ×${one.n}` : '')); write(item.children[1], ago(one.at)); write(item.children[2], one.words); });
    log.follow(row.attempts.length ? row.key : '', row.digest + row.attempts.length);
  } };
  return close;
};

/* A log: read once it is asked for, then as it grows. Lines are text; search marks them. */
cosmos.log = () => {
  const { h } = cosmos;
  const lines = h('pre.log', { tabindex: '0', 'aria-label': 'Log' }), find = h('input', { type: 'search', placeholder: 'Search the log', 'aria-label': 'Search the log' });
  const state = h('span.faint'), end = h('input', { type: 'checkbox', checked: true });
  const start = h('button', { onclick: () => open() }, 'Read the log');
  const tools = h('div.tools', { hidden: true }, find, h('label', { style: 'display:flex;gap:6px;align-items:center' }, end, 'follow'), state);
  const element = h('div', {}, start, tools, lines);
  let key = '', turn = '', socket = null, text = '';
  lines.hidden = true;
  const paint = () => {
    const word = find.value.toLowerCase();
    const shown = text.split(/\r\n|\n|\r/).slice(-4000);
    lines.replaceChildren(...(word ? shown.filter(line => line.toLowerCase().includes(word)).flatMap(line => { const at = line.toLowerCase().indexOf(word); return [line.slice(0, at), h('mark', {}, line.slice(at, at + word.length)), line.slice(at + word.length) + '\n']; }) : [shown.join('\n')]));
    if (end.checked) lines.scrollTop = lines.scrollHeight;
  };
  find.oninput = paint;
  const stop = () => { if (socket) { socket.onmessage = socket.onclose = null; socket.close(); socket = null; } };
  const open = () => {
    stop(); text = ''; start.hidden = true; tools.hidden = lines.hidden = false; state.textContent = 'reading';
    socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/ws/log/' + key.split('/').map(encodeURIComponent).join('/'));
    socket.onmessage = event => { const piece = JSON.parse(event.data); if (piece === null) state.textContent = 'complete'; else { text = (text + piece).slice(-2000000); state.textContent = 'live'; paint(); } };
    socket.onclose = () => { if (state.textContent !== 'complete') state.textContent = 'ended'; };
  };
  return { element, follow(next, now) {
    if (next === key && now === turn) return;
    const was = !lines.hidden && next === key;
    key = next; turn = now; stop(); text = ''; lines.replaceChildren();
    start.hidden = false; tools.hidden = lines.hidden = true; element.hidden = !key; element.parentElement && (element.parentElement.hidden = !key);
    if (was) open();
  } };
};
