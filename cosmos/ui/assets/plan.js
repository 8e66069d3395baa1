/* Plan: look, see what would be done and why, apply all or what is chosen, and watch it happen. */
cosmos.pages.plan = (main, page) => {
  const { h, keyed, write, span, bytes, many } = cosmos;
  const chosen = new Set();
  let plan = null, waiting = false;
  const look = h('button', { id: 'look', onclick: () => make((page.query.targets || '').split(',').filter(Boolean)) }, 'Look and plan');
  const apply = h('button.main', { id: 'apply', hidden: true, onclick: () => { apply.disabled = true; page.act('apply', { plan: plan.plan }); } }, 'Apply');
  const only = h('button', { id: 'only', hidden: true, onclick: () => { const keys = [...chosen].join(','); page.query.targets = keys; history.pushState(null, '', cosmos.link('/plan', { targets: keys })); make([...chosen]); } });
  const whole = h('button.plain', { hidden: true, onclick: () => { delete page.query.targets; history.pushState(null, '', '/plan'); make([]); } }, 'Plan all');
  const words = h('span.soft'), going = h('section.pane', { hidden: true, style: 'margin-bottom:14px' }), problems = h('div.note.bad', { hidden: true }), blank = h('div.blank'), body = h('tbody');
  const box = h('input', { type: 'checkbox', 'aria-label': 'Choose all', onchange: () => { for (const row of plan.operations) box.checked ? chosen.add(row.key) : chosen.delete(row.key); marks(); } });
  const table = h('div.pane.wide', { hidden: true }, h('table.runs', {}, h('thead', {}, h('tr', {}, h('th', {}, box), ['Act', 'Run', 'Cause', 'Host', 'Expected', 'Upload', 'Spec', 'Note'].map(title => h('th', {}, title)))), body));
  const more = h('p.empty', { style: 'padding:10px 14px', hidden: true });
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Plan'), words), h('div.tools', {}, look, apply, only, whole), problems, going, blank, table, more);
  const tone = { run: 'Running', stop: 'Failed', fail: 'Failed', collect: 'Succeeded', restore: 'Succeeded', stage: 'Queued' };
  const make = targets => { waiting = true; look.disabled = true; write(look, 'Looking ...'); page.act('plan', { targets: targets.join(',') }); };
  const marks = () => {
    for (const row of body.children) row.querySelector('input').checked = chosen.has(row.dataset.run);
    only.hidden = !chosen.size; write(only, 'Plan only ' + many(chosen.size, 'run'));
  };
  const makeRow = row => h('tr.row', { 'data-run': row.key }, h('td', {}, h('input', { type: 'checkbox', 'aria-label': 'Choose ' + row.key, onchange: event => { event.target.checked ? chosen.add(row.key) : chosen.delete(row.key); marks(); } })), h('td', {}, h('span.state')), h('td', {}, h('a.link', { href: cosmos.run(row.key) }, row.key)), ...[0, 0, 0, 0, 0, 0].map(() => h('td')));
  const updateRow = (line, row) => {
    cosmos.mark(line.querySelector('.state'), tone[row.act] || 'Pending'); write(line.querySelector('.state'), row.act);
    [row.cause.replaceAll('_', ' '), row.host || '-', row.eta ? '~' + span(row.eta) + (row.basis ? ' ' + row.basis : '') : '', row.bytes ? bytes(row.bytes) : '', row.at, row.words].forEach((text, index) => write(line.children[index + 3], text));
  };
  const show = found => {
    plan = found;
    chosen.clear(); box.checked = false;
    write(words, found.targets.length ? found.summary + ' (of what was chosen)' : found.summary);
    problems.hidden = !found.problems.length; problems.replaceChildren(...found.problems.slice(0, 20).map(line => h('p.mono', {}, line)));
    const some = found.operations.length > 0;
    table.hidden = !some; blank.hidden = some; apply.hidden = !some; apply.disabled = false; whole.hidden = !found.targets.length;
    write(apply, found.targets.length ? 'Apply these' : 'Apply all');
    blank.replaceChildren(h('b', {}, 'Nothing to do'), found.targets.length ? 'What was chosen is as the specs ask for.' : 'What exists is as the specs ask for. Change a spec, and look again.');
    keyed(body, found.operations, row => row.act + row.key + row.host, makeRow, updateRow);
    more.hidden = !found.more; write(more, `${found.more} more are not listed here; applying does them too.`);
    marks();
  };
  const watch = now => {
    going.hidden = !now;
    if (!now) return;
    const over = Object.entries(now.counts).filter(([word]) => ['Succeeded', 'Failed', 'Cancelled', 'Suspended'].includes(word)).reduce((sum, [, count]) => sum + count, 0);
    const leave = now.over ? '' : h('button.plain', { style: 'height:20px', onclick: () => page.act('leave', {}) }, 'Follow it no more');
    const title = now.error ? 'The apply ended' : now.over ? (now.detached ? 'Not followed any more; what runs goes on' : now.failed.length ? 'Applied, with failures' : 'Applied') : 'Applying';
    going.replaceChildren(h('h2', {}, title, h('span.faint', {}, cosmos.ago(now.began)), h('span.right', {}, leave)), h('div.in', {},
      h('div.meter.' + (now.error || now.failed.length ? 'Failed' : now.over ? 'Succeeded' : 'Running'), { role: 'progressbar', 'aria-label': 'Runs that are over', 'aria-valuenow': String(over), 'aria-valuemax': String(now.total) }, h('i', { style: `width:${now.total ? over / now.total * 100 : 100}%` })),
      h('p', { style: 'display:flex;gap:14px;flex-wrap:wrap;margin-top:8px' }, Object.entries(now.counts).map(([word, count]) => h('span', {}, cosmos.state(word), ' ', String(count)))),
      now.error ? h('p', { style: 'white-space:pre-wrap' }, now.error) : '', now.waits ? h('p.soft', {}, now.waits) : '',
      now.doing.map(one => h('p.soft', {}, one.key + ' ' + [one.percent === null ? '' : one.percent + ' %', one.words].filter(Boolean).join(' '))),
      now.troubles.map(line => h('p.soft', {}, line)), now.failed.map(one => h('p', {}, h('a.link', { href: cosmos.run(one.key) }, one.key), ' ' + one.words))));
  };
  return { draw(data, query) {
    if (!all.isConnected) {
      main.append(all);
      blank.replaceChildren(h('b', {}, 'What would be done, and why'), 'A plan looks at every host and changes nothing.');
      if (query.targets) make(query.targets.split(',').filter(Boolean));
    }
    watch(data.going);
  }, done(act, what) {
    if (act === 'plan') { waiting = false; look.disabled = false; write(look, 'Look again'); show(what); }
    if (act === 'apply') { apply.hidden = true; watch(what.going); }
  }, failed() { look.disabled = false; apply.disabled = false; write(look, 'Look again'); } };
};
