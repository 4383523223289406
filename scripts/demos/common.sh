# What the demos of all systems share: scripts/demo reads this file and then that of the system, which sets
#   api_port, worker_port   the ports that its document names; the next free ones are taken
#   visitor                 who asks when `ask` is not told
#   header USER             prints the header by which a request says who asks
#   visit                   the visit, in which `check` counts what holds
#   addresses               prints what a person may open and try afterwards
# and anything else that its processes need in their environment; `products` are the programs to build, if it has several.

scratch=${SCRATCH:-$PWD/.build}
passed=0
failed=0
api_pid=''
worker_pid=''
mail_pid=''
page_pid=''

# --- What is shown --------------------------------------------------------------------------------------------------

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' dim='' green='' red='' plain=''
fi
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
show() { printf '%s   $ %s%s\n' "$dim" "$*" "$plain"; }
indent() { sed 's/^/   /'; }

# check WHAT COMMAND...: counts whether the command succeeds.
check() {
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then
    passed=$((passed + 1))
    printf '   %sok%s      %s\n' "$green" "$plain" "$what"
  else
    failed=$((failed + 1))
    printf '   %sFAILED%s  %s\n' "$red" "$plain" "$what"
  fi
}
is() { [ "$1" = "$2" ]; }

# within SECONDS COMMAND...: whether the command succeeds by then.
within() {
  local deadline=$(($(milliseconds) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(milliseconds)" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# The machine's clock; macOS has no %N.
milliseconds() {
  local now
  now=$(date +%s%3N)
  case $now in *[!0-9]*) now=$(date +%s)000 ;; esac
  echo "$now"
}

# --- Starting and stopping ------------------------------------------------------------------------------------------

# Builds, chooses ports and the broker. Nothing of the system runs yet.
set_up() {
  step "Building (the first time takes some minutes)"
  scripts/build . --product warren || exit 1
  warren=$(swift build --scratch-path "$scratch" --show-bin-path)/warren
  local product
  for product in ${products:-$system}; do scripts/build Examples --product "$product" || exit 1; done
  program=$(swift build --package-path Examples --scratch-path "$scratch" --show-bin-path)/$system

  data=$(mktemp -d "${TMPDIR:-/tmp}/$system.XXXXXX")
  api_log=$data/api.log
  worker_log=$data/worker.log
  trap clean_up EXIT
  trap 'clean_up; exit 130' INT TERM HUP
  if [ -n "${RABBITMQ:-}" ]; then
    step "Starting RabbitMQ $RABBITMQ"
    scripts/rabbitmq install "$RABBITMQ" || exit 1
    eval "$(scripts/rabbitmq start --version "$RABBITMQ" --while $$)"
    [ -n "${WARREN_RABBITMQ_URL:-}" ] || exit 1
    broker_page=${WARREN_RABBITMQ_MANAGEMENT_URL/guest:guest@/}
    export WARREN_BROKER="$WARREN_RABBITMQ_URL?management=$broker_page"
    broker="one RabbitMQ $RABBITMQ"
  else
    export WARREN_BROKER=sqlite:$data/broker.db
    broker="one broker file"
  fi
  port=$(free_port "$api_port")
  metrics_port=$(free_port "$worker_port")
  url=http://127.0.0.1:$port
  worker_url=http://127.0.0.1:$metrics_port
}

free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

start_api() {
  "$program" api --data "$data" --port "$port" >>"$api_log" 2>&1 8>&- &
  api_pid=$!
}
start_worker() {
  "$program" worker --data "$data" --metrics-port "$metrics_port" >>"$worker_log" 2>&1 8>&- &
  worker_pid=$!
}
ready() { curl --noproxy '*' -fsS --max-time 2 "$1/ready"; }

# start_system: both processes, and whether they became ready.
start_system() {
  show "$system api --data $data --port $port &"
  start_api
  show "$system worker --data $data --metrics-port $metrics_port &"
  start_worker
  check "the API is ready" within 30 ready "$url"
  check "the worker is ready" within 30 ready "$worker_url"
}

# kill_worker: SIGKILL, whatever it is doing.
kill_worker() {
  show "kill -KILL $worker_pid"
  kill -KILL "$worker_pid"
  wait "$worker_pid" 2>/dev/null
  worker_pid=''
}

# end PID: tells a process to stop, and gives its exit status.
end() {
  kill -TERM "$1" 2>/dev/null
  wait "$1"
}

clean_up() {
  trap - EXIT INT TERM HUP
  local pid
  for pid in "$worker_pid" "$api_pid" "$mail_pid" "$page_pid"; do
    [ -n "$pid" ] && end "$pid" 2>/dev/null
  done
  [ -n "${WARREN_RABBITMQ_DIR:-}" ] && scripts/rabbitmq stop "$WARREN_RABBITMQ_DIR"
  if [ "$failed" -eq 0 ]; then rm -rf "$data"; else say "What happened is in $data"; fi
}

# --- Mails ----------------------------------------------------------------------------------------------------------

# set_up_mail: a real mail server on this machine, which delivers nowhere, and a page that shows what it took. Before the system
# starts, whose processes find it by SMTP_URL.
set_up_mail() {
  scripts/install-peers mail || exit 1
  mails=$data/mails.jsonl
  : >"$mails"
  mkfifo "$data/mail.stdin"
  # The server ends with its standard input, which is open as long as this script runs.
  exec 8<>"$data/mail.stdin"
  mail_port=$(free_port 2525)
  mail_page_port=$(free_port 8025)
  mail_url=http://127.0.0.1:$mail_page_port
  export SMTP_URL=smtp://127.0.0.1:$mail_port
  start_mail
  /usr/bin/python3 scripts/demos/mail_page.py --port "$mail_page_port" "$mails" 8>&- 2>/dev/null &
  page_pid=$!
  check "the mail server is there" within 10 listens "$mail_port"
  check "the page with the mails is there: $mail_url" within 10 curl --noproxy '*' -fsS --max-time 2 "$mail_url"
}
start_mail() {
  /usr/bin/python3 Examples/Tests/MailTests/smtp_server.py --port "$mail_port" <"$data/mail.stdin" >>"$mails" 2>/dev/null 8>&- &
  mail_pid=$!
}
stop_mail() {
  end "$mail_pid" 2>/dev/null
  mail_pid=''
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# mail_to ADDRESS SUBJECT: the mails so far whose recipient and subject have these texts, as lines of Message-ID, recipient and
# subject. mailed NUMBER ADDRESS SUBJECT: whether there are so many, repeats of one Message-ID not counted.
mail_to() {
  curl --noproxy '*' -fsS --max-time 5 -G "$mail_url/mails.tsv" --data-urlencode "to=$1" --data-urlencode "subject=$2"
}
mailed() { [ "$(mail_to "$2" "$3" | cut -f 1 | sort -u | wc -l)" -eq "$1" ]; }
show_mails() { mail_to "$1" "$2" | while IFS=$'\t' read -r _ to subject; do say "mail to $to: $subject"; done; }

# --- Asking ---------------------------------------------------------------------------------------------------------

# ask METHOD PATH [BODY] [USER]: sends a request, shows it, and keeps the answer in $status and $answer. An empty USER asks as a
# stranger.
ask() {
  request "$@"
  printf '%s\n' "$answer" | cut -c 1-600 | indent
}
# request: the same, but the answer is not shown.
request() {
  local method=$1 path=$2 body=${3:-} user=${4-$visitor} shown=curl
  [ "$method" = GET ] || shown+=" -X $method"
  shown+=" '$url$path'"
  [ -z "$user" ] || shown+=" -H $(header "$user" shown)"
  [ -z "$body" ] || shown+=" -d '$body'"
  show "$shown"
  as "$user" "$method" "$path" "$body"
}
# as USER METHOD PATH [BODY]: shows neither request nor answer.
as() {
  local user=$1 method=$2 path=$3 body=${4:-}
  local arguments=(-X "$method" "$url$path")
  [ -z "$user" ] || arguments+=(-H "$(header "$user")")
  [ -z "$body" ] || arguments+=(-H 'Content-Type: application/json' -d "$body")
  quietly "${arguments[@]}"
}
# quietly ARGUMENTS…: what curl answers, not shown.
quietly() {
  answer=$(curl --noproxy '*' -sS --max-time 20 -w '\n%{http_code}' "$@" 2>&1)
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
}
# member NAME: the text or number of that name in the answer.
member() { sed -nE "s/.*\"$1\" ?: ?\"?([^\",}]*)\"?[],}].*/\1/p" <<<"$answer" | head -n 1; }
says() { grep -qF -- "$1" <<<"$answer"; }
# times TEXT: how often the answer has the text.
times() { grep -oF -- "$1" <<<"$answer" | wc -l | tr -d ' '; }
# answers USER PATH TEXT: whether what is read there has the text.
answers() {
  as "$1" GET "$2"
  says "$3"
}

# Who asks, where callers are known by a token: the variable token_USER has it.
bearer() {
  local token=token_$1
  if [ "${2:-}" = shown ]; then echo "\"authorization: Bearer \$$token\""; else echo "authorization: Bearer ${!token:-}"; fi
}
# Who asks, where callers are known by a header.
user_id() { if [ "${2:-}" = shown ]; then echo "'x-user-id: $1'"; else echo "x-user-id: $1"; fi; }

command_line() {
  show "warren $*"
  # On a terminal it writes tables, into a pipe what programs read.
  if [ -t 1 ]; then "$warren" "$@"; else "$warren" "$@" 2>&1 | indent; fi
}
# letter ARGUMENTS…: the id of the first dead letter that `warren dead ls` lists.
letter() { "$warren" dead ls --columns id "$@" 2>/dev/null | head -n 1; }
has_letter() { [ -n "$(letter "$@")" ]; }
no_letter() { [ "$("$warren" dead ls --json 2>&1)" = '[]' ]; }

# --- Logs -----------------------------------------------------------------------------------------------------------

# lines LOG FIRST PATTERN: the lines from number FIRST on that have the pattern, without what is long or always the same.
lines() {
  tail -n "+$2" "$1" | grep -E -- "$3" |
    sed -E "s/^[0-9-]+T//; s/Z ([a-z]+) +$system-/ \\1	/; s/ (correlation\\.id|id|message\\.id|message\\.name|queue|retry\\.at)=(\"[^\"]*\"|[^ ]*)//g" |
    expand -t 22 | indent
}
next_line() { echo $(($(wc -l <"$1") + 1)); }
logged() { tail -n "+$2" "$1" | grep -qF -- "$3"; }
# gaps LOG FIRST PATTERN: the milliseconds between such lines.
gaps() {
  local previous='' moment
  tail -n "+$2" "$1" | grep -F -- "$3" | sed -E 's/^[0-9-]+T([0-9]+):([0-9]+):([0-9]+)\.([0-9]+)Z.*/\1 \2 \3 \4/' |
    while read -r hour minute second thousandth; do
      moment=$(((10#$hour * 3600 + 10#$minute * 60 + 10#$second) * 1000 + 10#$thousandth))
      # The visit may cross midnight.
      [ -n "$previous" ] && echo $(((moment - previous + 86400000) % 86400000))
      previous=$moment
    done
}

# --- Afterwards -----------------------------------------------------------------------------------------------------

finish() {
  trap - EXIT INT TERM HUP
  step "SIGTERM: both finish what they do and exit with 0"
  end "$worker_pid"
  check "the worker exited with 0" is $? 0
  end "$api_pid"
  check "the API exited with 0" is $? 0
  worker_pid=''
  api_pid=''
  clean_up
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
  exit
}

# stay: says where everything is and keeps it running until Ctrl-C.
stay() {
  printf '\n%s%d passed, %d failed. It is all still running; Ctrl-C stops it.%s\n\n' "$bold" "$passed" "$failed" "$plain"
  addresses
  cat <<TEXT
   API            $url    also /health /ready /metrics
   worker         $worker_url/metrics
TEXT
  [ -z "${mail_url:-}" ] || echo "   mails          $mail_url"
  [ -z "${broker_page:-}" ] || echo "   RabbitMQ       $broker_page    (guest, guest)"
  cat <<TEXT
   logs           tail -f $api_log $worker_log
   command line   export WARREN_BROKER='$WARREN_BROKER'
                  $warren queue ls
                  $warren dead ls

   Whatever dies is started again, as a supervisor would: kill -KILL $worker_pid is worth a try.
TEXT
  trap finish INT TERM HUP
  while true; do
    # A signal is heeded while waiting, not while a command runs.
    sleep 0.2 &
    wait $!
    if ! kill -0 "$worker_pid" 2>/dev/null; then
      start_worker
      say "The worker died. The next one is $worker_pid."
    fi
    if ! kill -0 "$api_pid" 2>/dev/null; then
      start_api
      say "The API died. The next one is $api_pid."
    fi
  done
}
