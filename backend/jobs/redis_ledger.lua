-- What is known of jobs, in Redis. A command, ARGV[1], happens whole or not at all; all times are Redis' own.
--
--   job:<id>             client, key, fingerprint, store, request_id, queue, created, files
--   task:<id>:<place>    path, size, sha256, member, turn, state, attempt, stage, progress, began, ended, status, body, frames
--   key:<client>:<key>   the id of the job of that order
--   jobs                 ids by the time at which they were created
--   number               of files that ever came
--   waiting:<queue>      members, files that is, by turn, those of one turn as they came
--   since:<queue>        the same by the time at which they came
--   begun:<queue>        files that are being judged, by the end of their lease
--   due:<queue>          files that wait or are being judged by turn, and
--   due:<queue>:<client> those of one client
--   took:<queue>         seconds that the last files took
--   figures:<queue>      ended, seconds, retries: of all that ever came

local MEASURED = 32 -- files, the last ones, by which it is judged how long the next will take
local call, command = redis.call, ARGV[1]
local clock = call('TIME')
local now = clock[1] + clock[2] / 1000000

local function key(...)
  return KEYS[1] .. table.concat({...}, ':')
end

local function get(name, ...)
  return unpack(call('HMGET', name, ...))
end

local function places(id)
  local places = {}
  for place = 0, (tonumber(call('HGET', key('job', id), 'files')) or 0) - 1 do
    places[#places + 1] = key('task', id, place)
  end
  return places
end

local function wait(queue, client, task)
  local member, turn = get(task, 'member', 'turn')
  call('ZREM', key('begun', queue), member)
  for _, name in ipairs({key('waiting', queue), key('due', queue), key('due', queue, client)}) do
    call('ZADD', name, turn, member)
  end
  call('ZADD', key('since', queue), call('HGET', task, 'came'), member)
  call('HSET', task, 'state', 'queued', 'stage', 'waiting', 'progress', 0)
end

local function begin(queue, task, lease)
  local member = call('HGET', task, 'member')
  call('ZREM', key('waiting', queue), member)
  call('ZREM', key('since', queue), member)
  call('ZADD', key('begun', queue), now + lease, member)
end

local function leave(queue, client, task)
  local member = call('HGET', task, 'member')
  for _, name in ipairs({'waiting', 'since', 'begun', 'due'}) do
    call('ZREM', key(name, queue), member)
  end
  call('ZREM', key('due', queue, client), member)
end

local function task_of(member)
  local id, place = string.match(member, '^%d+:(%x+):(%d+)$')
  return key('task', id, place), id, place
end

-- Let files wait again whose worker has not been heard of; how many wait.
local function recover(queue)
  for _, member in ipairs(call('ZRANGEBYSCORE', key('begun', queue), '-inf', now)) do
    local task, id = task_of(member)
    wait(queue, call('HGET', key('job', id), 'client'), task)
  end
  return call('ZCARD', key('waiting', queue))
end

local function forget(id)
  local client, word = get(key('job', id), 'client', 'key')
  call('DEL', key('job', id), key('key', client, word), unpack(places(id)))
  call('ZREM', key('jobs'), id)
end

local function expire(id, seconds)
  local client, word = get(key('job', id), 'client', 'key')
  call('EXPIRE', key('job', id), seconds)
  call('EXPIRE', key('key', client, word), seconds)
  for _, task in ipairs(places(id)) do
    call('EXPIRE', task, seconds)
  end
end

-- Whether all files of a job have ended, whether one is being judged, and when the last has ended.
local function ends(id)
  local all, running, last = true, false, 0
  for _, task in ipairs(places(id)) do
    local state, ended = get(task, 'state', 'ended')
    all = all and ended
    running = running or state == 'running'
    last = math.max(last, tonumber(ended or 0))
  end
  return all, running, last
end

local function tasks(id)
  local all = {}
  for _, task in ipairs(places(id)) do
    all[#all + 1] = call('HGETALL', task)
  end
  return all
end

-- A file, if that attempt at it is the one that is current.
local function current(id, place, attempt)
  local task = key('task', id, place)
  local state, latest = get(task, 'state', 'attempt')
  if latest ~= attempt then return nil end
  return task, state, get(key('job', id), 'queue', 'client')
end

local commands = {}

function commands.submit(id, client, word, fingerprint, store, request_id, queue, most, ...)
  local files, known = {...}, call('GET', key('key', client, word))
  if call('EXISTS', key('job', id)) == 1 then return {id, 'new'} end -- the answer was lost, and this is asked again
  if known then return {known, call('HGET', key('job', known), 'fingerprint') == fingerprint and 'known' or 'reused'} end
  local waiting, own, count = recover(queue), 0, #files / 3
  for _, member in ipairs(call('ZRANGE', key('due', queue, client), 0, -1)) do
    if call('ZSCORE', key('waiting', queue), member) then own = own + 1 end
  end
  if own + count > most - (waiting + count) then -- as in Backlog.has_room
    return {id, 'busy', waiting, own, call('ZCARD', key('begun', queue)), call('LRANGE', key('took', queue), 0, -1)}
  end
  call('HSET', key('job', id), 'client', client, 'key', word, 'fingerprint', fingerprint, 'store', store,
    'request_id', request_id, 'queue', queue, 'created', now, 'files', count)
  call('ZADD', key('jobs'), now, id)
  if word ~= '' then call('SET', key('key', client, word), id) end
  local due = call('ZRANGE', key('due', queue), 0, 0, 'WITHSCORES')[2] or 0
  local last = call('ZREVRANGE', key('due', queue, client), 0, 0, 'WITHSCORES')[2] or 0
  local turn = math.max(due, last) + 1 -- not before those that are due (Goyal, 1996)
  for place = 0, count - 1 do
    local task, number = key('task', id, place), call('INCR', key('number'))
    call('HSET', task, 'path', files[3 * place + 1], 'size', files[3 * place + 2], 'sha256', files[3 * place + 3],
      'member', string.format('%015d:%s:%d', number, id, place), 'turn', turn + place, 'attempt', 0, 'came', now)
    wait(queue, client, task)
  end
  return {id, 'new'}
end

function commands.find(id)
  local queue, created = get(key('job', id), 'queue', 'created')
  if not created then return nil end
  local position
  for _, task in ipairs(places(id)) do
    local rank = call('ZRANK', key('waiting', queue), call('HGET', task, 'member'))
    if rank and (not position or rank < position) then position = rank end
  end
  return {created, position or '', tasks(id)}
end

function commands.remove(id, retention)
  local queue, client = get(key('job', id), 'queue', 'client')
  if not queue then return nil end
  local left = tasks(id)
  if ends(id) then
    forget(id)
    return left
  end
  for _, task in ipairs(places(id)) do
    leave(queue, client, task)
    call('HSET', task, 'state', 'cancelled', 'stage', 'cancelled', 'ended', now)
    call('HDEL', task, 'status', 'body', 'frames')
  end
  expire(id, retention)
  return left
end

function commands.waiting(queue)
  return recover(queue)
end

function commands.claim(lease, ...)
  for _, queue in ipairs({...}) do
    recover(queue)
    local member = call('ZRANGE', key('waiting', queue), 0, 0)[1]
    if member then
      local task, id, place = task_of(member)
      begin(queue, task, lease)
      local attempt = call('HINCRBY', task, 'attempt', 1)
      if attempt > 1 then call('HINCRBY', key('figures', queue), 'retries', 1) end
      call('HSET', task, 'state', 'running', 'stage', 'examining', 'progress', 0, 'began', now)
      return {id, place, attempt, call('HMGET', task, 'path', 'size', 'sha256'),
        call('HMGET', key('job', id), 'request_id', 'store')}
    end
  end
  return nil
end

function commands.report(id, place, attempt, stage, progress, lease)
  local task, state, queue = current(id, place, attempt)
  if state ~= 'running' then return 0 end
  call('HSET', task, 'stage', stage, 'progress', progress)
  begin(queue, task, lease)
  return 1
end

function commands.finish(id, place, attempt, retention, ended, status, body, frames)
  local task, state, queue, client = current(id, place, attempt)
  if state == 'done' or state == 'failed' then return 1 end -- the answer was lost, and this is told again
  if state ~= 'running' then return 0 end
  local took = now - call('HGET', task, 'began')
  leave(queue, client, task)
  call('HSET', task, 'state', ended, 'stage', ended, 'progress', 1, 'ended', now, 'status', status, 'body', body,
    'frames', frames)
  call('LPUSH', key('took', queue), took)
  call('LTRIM', key('took', queue), 0, MEASURED - 1)
  call('HINCRBY', key('figures', queue), 'ended', 1)
  call('HINCRBYFLOAT', key('figures', queue), 'seconds', took)
  if ends(id) then expire(id, retention) end
  return 1
end

function commands.release(id, place, attempt, uncounted)
  local task, state, queue, client = current(id, place, attempt)
  if state ~= 'running' then return 0 end
  call('HINCRBY', task, 'attempt', 0 - uncounted)
  wait(queue, client, task)
  return 1
end

function commands.purge(retention)
  local before, forgotten = now - retention, {}
  for _, id in ipairs(call('ZRANGEBYSCORE', key('jobs'), '-inf', before)) do
    local queue, client = get(key('job', id), 'queue', 'client')
    local _, running, last = ends(id)
    if not queue then
      call('ZREM', key('jobs'), id)
    elseif not running and last < before then
      forgotten[#forgotten + 1] = {id, tasks(id)}
      for _, task in ipairs(places(id)) do
        leave(queue, client, task)
      end
      forget(id)
    end
  end
  return forgotten
end

function commands.figures(queue)
  local oldest = call('ZRANGE', key('since', queue), 0, 0, 'WITHSCORES')[2]
  local ended, seconds, retries = get(key('figures', queue), 'ended', 'seconds', 'retries')
  return {recover(queue), call('ZCARD', key('begun', queue)), tostring(oldest and now - oldest or 0), ended or 0,
    seconds or 0, retries or 0}
end

return commands[command](unpack(ARGV, 2))
