/* Overview. */
cosmos.pages.overview = main => {
  const { h, state, span, ago, many, bytes } = cosmos;
  const empty = words => h('p.empty', {}, words);
  const pane = (title, extra, ...children) => h('section.pane', {}, h('h2', {}, title, extra ? h('span.faint', {}, extra) : ''), ...children);
  const line = (row, end) => h('a.line', { href: cosmos.run(row.key) }, h('span.key', {}, row.key), h('span.soft', {}, end || ''));

  const working = row => {
    const percent = row.percent === null ? null : row.percent;
    const words = [row.host, row.doing, percent === null ? '' : (row.guessed ? 'about ' : '') + percent + ' %', row.left ? '~' + span(row.left) + ' left' : ''];
    return h('a.line.tall.' + row.phase, { href: cosmos.run(row.key) }, h('span.key', {}, row.key), state(row.phase),
      percent === null ? '' : h('span.meter' + (row.guessed ? '.guess' : ''), { role: 'progressbar', 'aria-valuenow': String(percent), 'aria-label': 'progress of ' + row.key }, h('i', { style: `width:${percent}%` })),
      h('p.faint', {}, words.filter(Boolean).join(' · ')));
  };
  /* A figure with a bar; what nobody measured says so. */
  const meter = (name, percent, words, label, isFull = percent > 92) => h('div.gauge', { role: 'meter', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': percent === null ? null : String(percent), 'aria-valuetext': words },
    h('span.soft', {}, name), h('span.meter' + (isFull ? '.Failed' : ''), {}, h('i', { style: `width:${percent ?? 0}%` })), h('span' + (percent === null ? '.faint' : ''), {}, words));
  const figures = gpu => [
    meter('use', gpu.use, gpu.use === null ? 'unknown' : gpu.use + ' %', gpu.name + ' use', false),
    meter('memory', gpu.memory, gpu.used === null || gpu.total === null ? 'unknown' : `${(gpu.used / 1024).toFixed(1)} of ${(gpu.total / 1024).toFixed(0)} GiB`, gpu.name + ' memory'),
    h('p.faint', {}, [gpu.temperature === null ? 'temperature unknown' : gpu.temperature + ' °C', gpu.power === null ? 'power unknown' : Math.round(gpu.power) + ' W'].join(' · '))];
  const host = row => h('div.line.tall', {}, h('span.key', {}, row.name), state(row.reachable ? 'Reachable' : 'Unknown'),
    row.reachable && row.queued ? h('span.soft', {}, many(row.queued, 'run') + ' waiting') : '',
    row.words ? h('p.soft', {}, row.words) : '',
    row.gpus.map(gpu => h('div.gpu', {}, h('p', { title: gpu.model }, h('code', {}, gpu.name), ' ', h('span.soft', {}, gpu.does)), figures(gpu))),
    row.disk ? h('div.gpu', {}, meter('disk', Math.round(100 - row.disk.free / row.disk.total * 100), `${bytes(row.disk.free)} free`, 'Disk of ' + row.name)) : '',
    row.gpus.length ? h('p.faint', {}, [row.busy === null ? 'busy share unknown' : `GPUs busy ${row.busy.percent} % of the last ${span(row.busy.over)}`, row.idle === null ? '' : `idle ${span(row.idle)} between two batches (median)`].filter(Boolean).join(' · ')) : '');
  const failure = row => h('a.line.tall', { href: cosmos.run(row.key) }, h('span.key', {}, row.key), h('span.faint', {}, ago(row.since)),
    h('p.soft', {}, row.words), row.remedy ? h('p', {}, row.remedy) : '');

  const tile = row => {
    const card = h('article.card', {}, cosmos.shot(row), h('div.text', {}, h('a.key', { href: cosmos.run(row.key), title: row.key }, row.key),
      h('div.sub', {}, h('span.faint', {}, ago(row.since)), h('span', {}, row.model))));
    cosmos.playOver(card);
    return card;
  };
  const results = h('div.grid'), top = h('div'), left = h('div.stack'), right = h('div.stack');
  const newest = h('section', {}, h('div.head', { style: 'margin:20px 0 10px' }, h('h1', { style: 'font-size:14px' }, 'Latest results'), h('a.link', { href: '/runs?state=Succeeded&sort=-date' }, 'all')), results);

  return { draw(data) {
    if (!top.isConnected) main.append(top, h('div.two', {}, left, right), newest);
    const all = Object.values(data.counts).reduce((sum, count) => sum + count, 0);
    const synced = data.sync.Synced || 0;
    const whole = all && synced === all ? 'Synced' : data.sync.Unknown ? 'Unknown' : 'OutOfSync';
    const commit = data.commit ? [h('code', {}, data.commit), data.dirty ? ' and edits that are not committed' : ''] : ['no commit'];
    const who = data.daemon || (data.acting ? 'An apply is at work.' : 'Nobody acts: apply a plan, or start cosmos daemon.');
    top.replaceChildren(
      h('div.head', {}, h('h1', {}, data.project), all ? state(whole) : '', h('span.soft', {}, all ? `${synced.toLocaleString('en')} of ${many(all, 'run')} as asked` : '', ' · ', ...commit),
        h('span.faint.right', {}, data.looked ? 'looked ' + ago(data.looked) : 'not looked yet')),
      data.problems ? h('div.note.bad', {}, h('p', {}, many(data.problems, 'problem') + ' in the specs'), h('p', {}, 'cosmos validate names each with its line')) : '',
      data.held ? h('div.note', {}, h('p', {}, data.held)) : '',
      all ? h('div.counts', {}, Object.entries(data.counts).map(([word, count]) => h('a', { href: '/runs?state=' + word }, h('b', {}, count.toLocaleString('en')), state(word))))
        : h('div.blank', {}, h('b', {}, 'No runs yet'), 'Write a spec below specs/, then look at the ', h('a.link', { href: '/plan' }, 'plan'), '. ', h('code', {}, 'cosmos init --demo'), ' makes a project to try.'));
    left.replaceChildren(
      pane('Running now', data.running.length ? String(data.running.length) : '', data.running.length ? data.running.map(working) : empty(who)),
      pane('Failed', data.failed.length ? 'latest first' : '', data.failed.length ? data.failed.map(failure) : empty('Nothing failed.')));
    right.replaceChildren(
      pane('Next', '', data.queued.length ? data.queued.map(row => line(row, cosmos.word(row.phase))) : empty('Nothing waits.')),
      pane('Hosts', data.measured ? 'measured ' + ago(data.measured) : data.looked ? 'as of ' + ago(data.looked) : '', data.hosts.length ? data.hosts.map(host) : empty('Not looked at yet: make a plan.')),
      pane('Controller and disk', '', h('div.in', {}, h('p', {}, who), h('p.soft', {}, `${bytes(data.disk.free)} of ${bytes(data.disk.total)} free here`))));
    cosmos.keyed(results, data.newest, row => row.key, tile, (card, row) => cosmos.reshot(card.querySelector('.shot'), row));
    newest.hidden = !data.newest.length;
  }, done() {} };
};
