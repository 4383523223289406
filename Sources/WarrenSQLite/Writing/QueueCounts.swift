/// By how much a transaction changes the counts of one queue.
struct Depth {
  var ready: Int64 = 0
  var delayed: Int64 = 0
  var running: Int64 = 0
  var published: Int64 = 0
  var completed: Int64 = 0
  var retried: Int64 = 0
  var deadLettered: Int64 = 0
}
