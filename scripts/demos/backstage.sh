# backstage: seven services, here in two processes; a ticket is bought, offered and sold, and each service is told of it.

api_port=3002 worker_port=9002 visitor='' products='backstage backstage-listener'
unset SERVICE_NAME
header() { :; }

visit() {
  step "A mail server, API and worker; the two are processes of their own on $broker"
  set_up_mail
  start_system
  buy
  sell
  remind
  another_service
}

# make PATH BODY NAME: asks, and keeps the number of that name in $made.
make() {
  ask POST "$1" "$2"
  check "201 Created" is "$status" 201
  made=$(member "$3")
}
notified() { answers '' "/users/$1/notifications" "\"type\":\"$2\""; }

buy() {
  step "A concert, and who buys a ticket is notified"
  make /users '{"name":"Ada","email":"ada@example.org"}' user_id
  ada=$made
  make /users '{"name":"Ben","email":"ben@example.org"}' user_id
  ben=$made
  make /events "{\"user_id\":$ada,\"title\":\"Night of the proms\"}" event_id
  concert=$made
  make /tickets "{\"user_id\":$ada,\"event_id\":$concert}" ticket_id
  ticket=$made
  check "ticket.purchased notifies the buyer" within 10 notified "$ada" ticket_purchase
  check "and the email service sends a mail" within 10 mailed 1 ada@example.org ''
  show_mails ada@example.org ''
  ask GET "/users/$ada/notifications"
}

sell() {
  step "The ticket is offered and sold, once"
  make /listings "{\"user_id\":$ada,\"ticket_id\":$ticket,\"price_cents\":4500}" listing_id
  ask POST "/listings/$made/buy" "{\"user_id\":$ben}"
  check "200 OK" is "$status" 200
  ask POST "/listings/$made/buy" "{\"user_id\":$ben}"
  check "409: sold once" is "$status" 409
  check "the seller is told" within 10 notified "$ada" system
  check "the buyer is told" within 10 notified "$ben" ticket_purchase
  check "the ticket is the buyer's" within 10 answers '' "/tickets/$ticket" "\"user_id\":$ben"
  check "analytics counted it" within 10 answers '' '/analytics?type=listing.sold' '"total":1'
}

remind() {
  step "Everyone who holds a ticket is reminded"
  ask POST "/events/$concert/reminders"
  check "202 Accepted" is "$status" 202
  check "the new holder is" within 10 notified "$ben" event_reminder
  show_mails ben@example.org ''
}

another_service() {
  step "A new consumer, without a change to any publisher"
  show "SERVICE_NAME=audit backstage-listener 'post.*' user.created"
  SERVICE_NAME=audit "$(dirname "$program")/backstage-listener" 'post.*' user.created >"$data/audit.log" 2>&1 8>&- &
  local pid=$!
  check "it has a queue of its own, audit.queue" within 20 has_queue audit.queue
  make /posts "{\"user_id\":$ada,\"title\":\"My Post\"}" post_id
  check "it received the event" within 10 logged "$data/audit.log" 1 'post.created'
  indent <"$data/audit.log"
  end "$pid"
  command_line queue ls
}
has_queue() { "$warren" queue ls --columns name 2>/dev/null | grep -qx "$1"; }

addresses() {
  cat <<TEXT
   notifications  $url/users/$ben/notifications
   analytics      $url/analytics
   to buy         curl -X POST $url/tickets -d '{"user_id":$ben,"event_id":$concert}'
TEXT
}
