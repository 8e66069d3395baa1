/* Queue: what works, what is next and in which order, what is blocked or held back; pauses of the project and of hosts. */
cosmos.pages.queue = (main, page) => {
  const { h, keyed, write, mark, span, ago, many } = cosmos;
  const chosen = new Set();
  const act = (name, keys) => cosmos.action({ act: name, keys });
  const small = (words, title, onclick) => h('button.small', { title, onclick }, words);
  const key = row => h('a.key', { href: cosmos.run(row.key), title: row.key }, row.key);

  /* Now */
  const makeWorking = row => h('div.line.tall', {}, key(row), h('span.state'), small('Cancel', 'Stop it, until a retry', () => act('cancel', [row.key])), h('span.meter', { role: 'progressbar', 'aria-label': 'progress of ' + row.key }, h('i')), h('p.faint'));
  const updateWorking = (line, row) => {
    line.className = 'line tall ' + row.phase;
    mark(line.querySelector('.state'), row.phase);
    const meter = line.querySelector('.meter');
    meter.hidden = row.percent === null; meter.classList.toggle('guess', row.guessed); meter.setAttribute('aria-valuenow', String(row.percent || 0)); meter.firstChild.style.width = (row.percent || 0) + '%';
    write(line.lastChild, [row.host, row.doing, row.percent === null ? '' : (row.guessed ? 'about ' : '') + row.percent + ' %', row.left ? '~' + span(row.left) + ' left' : '', row.since ? 'since ' + ago(row.since) : ''].filter(Boolean).join(' · '));
  };

  /* Next: in order */
  const form = row => {
    const number = h('input', { type: 'number', min: '0', max: '100', value: String(row.priority ?? ''), 'aria-label': 'Priority of ' + row.spec });
    return h('form.row', { title: `Of all runs of ${row.spec}: a field of its spec`, onsubmit: event => { event.preventDefault(); cosmos.edit({ make: 'priority', run: row.key, priority: number.value }); } }, number, h('button.small', {}, 'Set'));
  };
  const box = row => h('input', { type: 'checkbox', 'aria-label': 'Choose ' + row.key, onchange: event => { event.target.checked ? chosen.add(row.key) : chosen.delete(row.key); marks(); } });
  const makeRow = row => h('tr.row', {}, h('td', {}, box(row)), h('td.num'), h('td', {}, key(row)), h('td', {}, h('span.state')), h('td', {}, form(row)), h('td'), h('td.why'), h('td.ends', {},
    small('To the front', 'Before all that wait, by the priority of its spec', () => cosmos.edit({ make: 'front', run: row.key })), small('Suspend', 'Start nothing of it until it is resumed', () => act('suspend', [row.key])), small('Cancel', 'Take it out, until a retry', () => act('cancel', [row.key]))));
  const updateRow = (line, row) => {
    const number = line.querySelector('input[type=number]');
    write(line.children[1], row.place); mark(line.querySelector('.state'), row.phase);
    if (line.dataset.priority !== String(row.priority)) { line.dataset.priority = String(row.priority); number.value = row.priority ?? ''; }
    write(line.children[5], row.model); write(line.children[6], row.words); line.children[6].title = row.words;
    line.querySelector('.ends').firstChild.disabled = row.first;
  };
  const makeHeld = name => row => h('div.line.tall', {}, key(row), h('span.state'), name === 'held' ? small('Resume', 'End the suspension', () => act('resume', [row.key])) : small('Cancel', 'Take it out, until a retry', () => act('cancel', [row.key])), h('p.soft'));
  const updateHeld = (line, row) => { mark(line.querySelector('.state'), row.phase); write(line.lastChild, row.words); };
  const makeHost = row => h('div.line.tall', {}, h('span.key', {}, row.name), h('span.state'), h('button.small', { onclick: event => cosmos.action({ act: event.target.dataset.act, hosts: [row.name] }) }), h('p.soft'));
  const updateHost = (line, row) => {
    const button = line.children[2];
    mark(line.children[1], row.paused ? 'Suspended' : row.reachable ? 'Reachable' : 'Unknown');
    button.dataset.act = row.paused ? 'resume' : 'suspend'; write(button, row.paused ? 'Go on' : 'Pause'); button.setAttribute('aria-label', (row.paused ? 'Go on with ' : 'Pause ') + row.name);
    write(line.lastChild, row.paused || row.words || (row.queued ? many(row.queued, 'run') + ' waiting' : ''));
  };

  const pane = (title, body) => { const count = h('span.faint'), empty = h('p.empty'); return { count, empty, body, element: h('section.pane', {}, h('h2', {}, title, count), empty, body) }; };
  const now = pane('Now', h('div')), blocked = pane('Cannot start yet', h('div')), held = pane('Held back', h('div')), hosts = pane('Hosts', h('div'));
  const body = h('tbody'), table = h('div.wide', {}, h('table.runs.ordered', {}, h('thead', {}, h('tr', {}, ['', '#', 'Run', 'State', 'Priority', 'Model', 'Why', ''].map(title => h('th', {}, title)))), body)), next = pane('Next, in this order', table);
  const pause = h('button', { onclick: () => cosmos.action({ act: pause.dataset.act, project: true }) });
  const words = h('span.soft'), banner = h('div.note', { hidden: true });
  const tray = h('div.tray', { hidden: true }, h('span'), ...[['cancel', 'Cancel'], ['suspend', 'Suspend']].map(([name, title]) => h('button', { onclick: () => act(name, [...chosen]) }, title)), h('button', { onclick: () => { location.href = cosmos.link('/plan', { targets: [...chosen].join(',') }); } }, 'Plan these'), h('button.plain', { onclick: () => { chosen.clear(); marks(); } }, 'Choose none'));
  const marks = () => { for (const row of body.children) row.querySelector('input').checked = chosen.has(row.dataset.key); tray.hidden = !chosen.size; write(tray.firstChild, many(chosen.size, 'run') + ' chosen'); };
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Queue'), words, h('span.right'), pause), banner, h('div.stack', {}, now.element, next.element, h('div.three', {}, blocked.element, held.element, hosts.element)), tray);
  const fill = (pane, rows, total, make, update, empty) => { pane.empty.hidden = rows.length > 0; pane.empty.replaceChildren(...[].concat(empty)); write(pane.count, total > rows.length ? `${rows.length} of ${total}` : total || ''); keyed(pane.body === table ? body : pane.body, rows, row => row.key || row.name, make, update); };

  return { draw(data) {
    if (!all.isConnected) main.append(all);
    for (const name of chosen) if (!data.waiting.some(row => row.key === name)) chosen.delete(name);
    const total = data.totals;
    write(words, `${many(total.working, 'run')} at work · ${total.waiting.toLocaleString('en')} waiting${data.looked ? ' · looked ' + ago(data.looked) : ''}`);
    pause.dataset.act = data.paused ? 'resume' : 'suspend'; write(pause, data.paused ? 'Go on' : 'Pause all'); pause.classList.toggle('main', Boolean(data.paused));
    const idle = total.waiting > 0 && !data.acting && !data.daemon && !data.paused;
    banner.hidden = !data.paused && !idle;
    banner.replaceChildren(...(data.paused ? [h('p', {}, 'The project is ' + data.paused + '.'), h('p', {}, 'What runs goes on; nothing more is started.')] : idle ? [h('p', {}, 'Nobody acts: the runs below wait for an apply.'), h('p', {}, 'Apply the ', h('a.link', { href: '/plan' }, 'plan'), ', or start ', h('code', {}, 'cosmos daemon'), ': it starts what waits, in this order.')] : []));
    fill(now, data.working, total.working, makeWorking, updateWorking, 'Nothing runs.');
    fill(next, data.waiting, total.waiting, makeRow, updateRow, ['Nothing waits. Runs come from ', h('a.link', { href: '/runs' }, 'specs'), ' and stand here until they are started.']);
    table.hidden = !data.waiting.length;
    fill(blocked, data.blocked, total.blocked, makeHeld('blocked'), updateHeld, 'Nothing waits for something else.');
    fill(held, data.held, total.held, makeHeld('held'), updateHeld, 'Nothing is suspended.');
    fill(hosts, data.hosts, data.hosts.length, makeHost, updateHost, ['Not looked at yet: make a ', h('a.link', { href: '/plan' }, 'plan'), '.']);
    marks();
  }, done() {} };
};
