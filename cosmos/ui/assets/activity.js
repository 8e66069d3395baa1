/* Activity: events with filters, what each commit made, and checks of the hosts. */
cosmos.pages.activity = (main, page) => {
  const { h, keyed, write, ago, time, many } = cosmos;
  const go = changes => page.go({ page: '', ...changes });
  const tabs = h('div.seg', { role: 'group', 'aria-label': 'View' }, [['', 'Events'], ['commits', 'Commits'], ['hosts', 'Host checks']].map(([view, words]) => h('button', { 'data-view': view, onclick: () => page.go({ view, page: '', q: '', reason: '', kind: '' }) }, words)));
  const count = h('span.soft', { role: 'status' });

  /* Events */
  const search = h('input', { type: 'search', placeholder: 'Search run, reason, words', 'aria-label': 'Search events', oninput: () => { clearTimeout(search.later); search.later = setTimeout(() => page.go({ q: search.value, page: '' }, { keep: true }), 200); } });
  const select = (name, title) => h('select', { 'aria-label': title, name, onchange: event => go({ [name]: event.target.value }) });
  const kind = select('kind', 'Kind'), reason = select('reason', 'Reason'), days = select('days', 'Time');
  const options = (box, values, value) => {
    const want = JSON.stringify([values, value]);
    if (box.dataset.have === want) return;
    box.dataset.have = want;
    box.replaceChildren(...values.map(([key, words]) => h('option', { value: key }, words)));
    if (value && !values.some(([key]) => key === value)) box.append(h('option', { value }, value));
    box.value = value || ''; box.classList.toggle('set', Boolean(value));
  };
  const clear = h('button.plain', { onclick: () => page.go({ q: '', kind: '', reason: '', days: '', page: '' }) }, 'Clear');
  const body = h('tbody'), table = h('div.pane.wide', {}, h('table.runs.events', {}, h('thead', {}, h('tr', {}, ['When', 'Kind', 'About', 'Reason', 'What', 'Times'].map(title => h('th', {}, title)))), body));
  const makeEvent = row => h('tr.row', {}, h('td'), h('td', {}, h('span.state')), h('td', {}, h('a.link', { href: shown.runs.includes(row.about) ? cosmos.run(row.about) : cosmos.link('/activity', { q: row.about }) }, row.about)), h('td'), h('td.what'), h('td.num'));
  const updateEvent = (line, row) => {
    write(line.children[0], ago(row.at)); line.children[0].title = time(row.at);
    cosmos.mark(line.querySelector('.state'), row.kind === 'Warning' ? 'Failed' : 'Pending'); write(line.querySelector('.state'), row.kind);
    write(line.children[3], row.reason); write(line.children[4], row.words); write(line.children[5], row.n > 1 ? '×' + row.n : '');
  };
  const where = h('span'), back = h('button', { onclick: () => page.go({ page: String(shown.page - 1) }) }, 'Newer'), on = h('button', { onclick: () => page.go({ page: String(shown.page + 1) }) }, 'Older');
  const pages = h('nav.pages', { 'aria-label': 'Pages of events' }, where, back, on);
  const tools = h('div.tools', {}, search, kind, reason, days, clear), blank = h('div.blank');
  const events = h('div', {}, tools, table, blank, pages);

  /* Commits */
  const list = h('div.pane'), none = h('div.blank', {}, h('b', {}, 'No commit yet'), 'Commit a spec and apply it: what was made from each commit stands here.');
  const commits = h('div', {}, none, list);
  const words = { succeeded: 'Succeeded', failed: 'Failed', cancelled: 'Cancelled', started: 'Running', intended: 'Starting' };
  const makeCommit = () => h('div.line.tall.commit', {}, h('code'), h('span.key'), h('span.counts-in'), h('span.faint'), h('p.soft'));
  const updateCommit = (line, row) => {
    write(line.children[0], row.sha.slice(0, 10) || 'no commit'); line.children[0].title = row.sha;
    write(line.children[1], row.subject || (row.sha ? 'a commit that git does not know here' : 'specs that were in no commit')); line.children[1].classList.toggle('soft', !row.subject);
    line.children[2].replaceChildren(...Object.entries(row.states).map(([state, number]) => { const mark = cosmos.state(words[state] || 'Pending'); mark.textContent = `${number} ${(words[state] || state).toLowerCase()}`; return mark; }));
    write(line.children[3], [row.author, ago(row.at || row.last), row.edited ? `${row.edited} with edits beside it` : ''].filter(Boolean).join(' · ')); line.children[3].title = time(row.at || row.last);
    line.children[4].hidden = !row.keys.length;
    line.children[4].replaceChildren(...(row.keys.length ? row.keys.flatMap((key, index) => [index ? ', ' : '', h('a.link', { href: cosmos.run(key) }, key)]).concat(row.more ? [` and ${row.more} more`] : []) : []));
  };

  /* Hosts */
  const check = h('button.main', { onclick: () => { check.disabled = true; write(check, 'Checking ...'); page.act('check', {}); } }, 'Check the hosts');
  const found = h('div.stack'), idle = h('div.blank', {}, h('b', {}, 'Are the hosts fit?'), 'A check looks for what each host lacks for the runs of the specs, and says what to do. It changes nothing.');
  const hosts = h('div', {}, h('div.tools', {}, check), idle, found);
  const level = { ok: ['Succeeded', 'fine'], warning: ['Suspended', 'warning'], problem: ['Failed', 'problem'], unreachable: ['Unknown', 'unreachable'] };
  const drawHosts = data => {
    check.disabled = false; write(check, data.checked ? 'Check again' : 'Check the hosts');
    idle.hidden = Boolean(data.checked);
    found.replaceChildren(...data.found.map(host => h('section.pane', {}, h('h2', {}, host.name, h('span.faint', {}, host.problems ? many(host.problems, 'problem') : 'fit')), host.findings.map(one => {
      const [tone, word] = level[one.level] || ['Pending', one.level], mark = cosmos.state(tone); mark.textContent = word;
      return h('div.line.finding', {}, mark, h('span', {}, one.about), h('span.soft', {}, one.words, one.remedy ? h('p', {}, one.remedy) : ''));
    }))));
    write(count, data.checked ? 'checked ' + ago(data.checked) : '');
  };

  let shown = null;
  const all = h('div', {}, h('div.head', {}, h('h1', {}, 'Activity'), count, h('span.right'), tabs), events, commits, hosts);
  return { draw(data, query) {
    if (!all.isConnected) main.append(all);
    shown = data;
    for (const button of tabs.children) button.setAttribute('aria-pressed', String(button.dataset.view === (data.view === 'events' ? '' : data.view)));
    events.hidden = data.view !== 'events'; commits.hidden = data.view !== 'commits'; hosts.hidden = data.view !== 'hosts';
    if (data.view === 'hosts') drawHosts(data);
    if (data.view === 'commits') {
      write(count, many(data.total, 'commit'));
      none.hidden = data.commits.length > 0; list.hidden = !data.commits.length;
      keyed(list, data.commits, row => row.sha || 'none', makeCommit, updateCommit);
    }
    if (data.view !== 'events') return;
    if (document.activeElement !== search) search.value = query.q || '';
    options(kind, [['', 'Any kind'], ['Warning', 'Warnings'], ['Normal', 'Normal']], query.kind);
    options(reason, [['', 'Any reason'], ...data.reasons.map(word => [word, word])], query.reason);
    options(days, [['', 'Any time'], ['1', 'Last 24 hours'], ['7', 'Last 7 days'], ['30', 'Last 30 days']], query.days);
    const filtered = ['q', 'kind', 'reason', 'days'].some(name => query[name]);
    clear.hidden = !filtered;
    write(count, many(data.total, 'event'));
    table.hidden = !data.events.length; blank.hidden = data.events.length > 0;
    if (!data.events.length) blank.replaceChildren(...(filtered ? [h('b', {}, 'No event fits'), h('button', { onclick: () => clear.click() }, 'Clear the filters')] : [h('b', {}, 'Nothing happened yet'), 'Apply a ', h('a.link', { href: '/plan' }, 'plan'), ', and what happens stands here.']));
    keyed(body, data.events, row => [row.kind, row.about, row.reason, row.words].join('\n'), makeEvent, updateEvent);
    pages.hidden = data.pages < 2; write(where, `Page ${data.page} of ${data.pages}`); back.disabled = data.page <= 1; on.disabled = data.page >= data.pages;
  }, done(act, what) { drawHosts(what); }, failed() { check.disabled = false; write(check, 'Check the hosts'); } };
};
