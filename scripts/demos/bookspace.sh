# BookSpace: documents whose events are published, handled, retried after 1, 2 and 4 s, dead-lettered, corrected and replayed.

api_port=3003 worker_port=9003 visitor=user123
unset BOOKSPACE_FAIL
header() { user_id "$@"; }

visit() {
  begin
  create
  change
  refuse
  fail_and_park
  replay
  kill_in_a_handler
  outside
}

notified() { answers user123 /v1/users/user123/notifications "$1"; }
found() { answers user123 "/v1/docs/search?q=$1" "$2"; }
# about MILLISECONDS WANTED: not early, and at most 800 ms late.
about() { [ "$1" -ge "$(($2 - 5))" ] && [ "$1" -le "$(($2 + 800))" ]; }

begin() {
  step "API and worker, two processes on $broker"
  start_system
  check 'the worker logged "Subscribed to queue"' within 5 logged "$worker_log" 1 "Subscribed to queue"
  command_line queue ls
}

create() {
  step "A document is created: the API answers at once, the worker does the rest"
  ask POST /v1/docs '{"title":"API Guide","content":"REST best practices","tags":["api","guide"]}'
  check "201 Created" is "$status" 201
  document=$(member documentId)
  check "\"document.created event published\"" within 5 logged "$api_log" 1 "document.created event published"
  check "\"Processing document.created event\"" within 5 logged "$worker_log" 1 "Processing document.created event"
  check "\"Event processed\"" within 5 logged "$worker_log" 1 "Event processed"
  lines "$api_log" 1 'published'
  lines "$worker_log" 1 'Processing|processed'
  check "the author is notified" within 5 notified "Your document 'API Guide' has been created"
  check "the document is found" within 5 found practices API
  ask GET /v1/users/user123/notifications
  ask GET '/v1/docs/search?q=practices'
}

change() {
  step "It is changed, commented on, and a user joins"
  api_mark=$(next_line "$api_log")
  worker_mark=$(next_line "$worker_log")
  ask PUT "/v1/docs/$document" '{"content":"Idempotency and retries"}'
  check "200 OK" is "$status" 200
  ask POST "/v1/docs/$document/comments" '{"content":"Helpful!"}' reader
  check "201 Created" is "$status" 201
  ask POST /v1/users '{"name":"Ada","email":"ada@example.org"}' ''
  check "201 Created" is "$status" 201
  for event in document.updated comment.added user.registered; do
    check "\"$event event published\"" within 5 logged "$api_log" "$api_mark" "$event event published"
    check "\"Processing $event event\"" within 5 logged "$worker_log" "$worker_mark" "Processing $event event"
  done
  check "the author is told of the comment" within 5 notified "reader commented on your document 'API Guide'"
  check "the new words are found" within 5 found idempotency API
}

refuse() {
  step "What cannot be is refused, clearly, and leaves nothing"
  ask POST /v1/docs '{"title":"A title without an author"}' ''
  check "401 without x-user-id" is "$status" 401
  ask POST /v1/docs '{"title":'
  check "400 for what is no JSON" is "$status" 400
  ask POST /v1/docs '{"title":5}'
  check "400 for a title that is a number" is "$status" 400
  ask GET /v1/docs/unknown
  check "404 for an unknown document" is "$status" 404
  head -c 10000000 /dev/zero | tr '\0' t | sed 's/^/{"title":"/; s/$/"}/' >"$data/large.json"
  show "curl -X POST $url/v1/docs -H 'x-user-id: user123' -d @A-TITLE-OF-10-MB"
  quietly -X POST "$url/v1/docs" -H 'x-user-id: user123' --data-binary "@$data/large.json"
  printf '%s\n' "$answer" | indent
  check "413 for a title of 10 MB" is "$status" 413
  rm -f "$data/large.json"
}

fail_and_park() {
  step "A handler that fails: again after 1, 2 and 4 s, then a dead letter"
  show "touch $data/fail.document.created"
  touch "$data/fail.document.created"
  worker_mark=$(next_line "$worker_log")
  ask POST /v1/docs '{"title":"Budget","content":"Numbers","tags":[]}'
  check "201 Created: the caller notices nothing" is "$status" 201
  check "the event is dead-lettered" within 15 logged "$worker_log" "$worker_mark" "Message dead-lettered"
  lines "$worker_log" "$worker_mark" 'Processing|failed|dead-lettered'
  waited=($(gaps "$worker_log" "$worker_mark" "Processing document.created event"))
  check "four attempts" is "${#waited[@]}" 3
  say "waited: ${waited[*]/%/ ms}"
  for index in 0 1 2; do
    check "$((1 << index)) s before attempt $((index + 2))" about "${waited[$index]:-0}" $((1000 << index))
  done
  command_line dead ls
  id=$(letter)
  check "the dead letter has an id" test -n "$id"
  command_line dead show "$id"
  answer=$("$warren" dead show "$id" --json 2>&1)
  check "it tells of four failures" is "$(times '"attempt":')" 4
  check "it tells why" says "the file fail.document.created is there"
  check "it tells where it came from" says '"origin":"bookspace.notifications"'
}

replay() {
  step "Corrected and replayed"
  show "rm $data/fail.document.created"
  rm "$data/fail.document.created"
  worker_mark=$(next_line "$worker_log")
  command_line dead replay "$id"
  check "it is handled" within 10 logged "$worker_log" "$worker_mark" "Event processed"
  lines "$worker_log" "$worker_mark" 'Processing|processed'
  check "the document is found now" within 5 found numbers Budget
  check "five tries, one notification" notified "Your document 'Budget' has been created"
  check "and no second" is "$(times "Your document 'Budget'")" 1
  check "no dead letter is left" no_letter
}

kill_in_a_handler() {
  step "SIGKILL in the middle of a handler: the next worker does it"
  show "echo 60 > $data/hold.document.created"
  echo 60 >"$data/hold.document.created"
  worker_mark=$(next_line "$worker_log")
  ask POST /v1/docs '{"title":"Survivor","content":"Still here","tags":[]}'
  check "the worker is in its midst" within 5 logged "$worker_log" "$worker_mark" "Holding"
  killed=$(milliseconds)
  kill_worker
  rm "$data/hold.document.created"
  show "bookspace worker --data $data --metrics-port $metrics_port &"
  start_worker
  check "the next worker handles it within 15 s" within 15 logged "$worker_log" "$worker_mark" "Event processed"
  say "handled $(($(milliseconds) - killed)) ms after the kill, the start of the next worker included"
  lines "$worker_log" "$worker_mark" 'Processing|Holding|Subscribed|processed'
  check "the document is found" within 5 found survivor Survivor
  check "one notification" notified "Your document 'Survivor' has been created"
  check "and no second" is "$(times "Your document 'Survivor'")" 1
  check "a death is no attempt" is "$(tail -n "+$worker_mark" "$worker_log" | grep -c 'Processing.* attempt=1 ')" 2
}

outside() {
  step "How it looks from outside"
  command_line queue ls
  check "the worker is ready" within 10 ready "$worker_url"
  quietly "$worker_url/metrics"
  show "curl $worker_url/metrics"
  grep -E '^warren_(handled|retries|failures|published)_total' <<<"$answer" | indent
  check "the worker counts what it handled" says 'warren_handled_total{queue="bookspace.notifications",name="document.created",outcome="complete"} 1'
  quietly "$url/metrics"
  check "the API counts what it published" says 'warren_published_total{destination="bookspace.events",name="document.created",result="stored"} 3'
}

addresses() {
  cat <<TEXT
   documents      curl -X POST $url/v1/docs -H 'x-user-id: user123' -d '{"title":"My first","content":"words"}'
                  curl '$url/v1/docs/search?q=words' -H 'x-user-id: user123'
   notifications  curl $url/v1/users/user123/notifications -H 'x-user-id: user123'
   to fail        touch $data/fail.document.created       # handlers of document.created fail until it is removed
                  $warren dead replay --all
   to be slow     echo 20 > $data/hold.document.created   # they take 20 s: time enough to kill the worker
TEXT
}
