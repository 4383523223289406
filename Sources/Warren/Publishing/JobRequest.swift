public import Foundation

/// One job of a batch, and when and how it is to be enqueued. The parameters are those of
/// ``EventBus/enqueue(_:id:unique:after:at:priority:timeToLive:headers:)``.
public struct JobRequest: Sendable {
  /// The job's name.
  public let name: MessageName
  /// The job's queue.
  public let queue: QueueName
  let id: MessageID?
  let unique: Uniqueness?
  let delay: Duration?
  let time: Date?
  let priority: Priority?
  let timeToLive: Duration?
  let headers: Message.Headers
  let make: @Sendable (MessageComposer, JobRequest) throws -> Publication

  /// A job to enqueue.
  public init<J: JobMessage>(
    _ job: J, id: MessageID? = nil, unique: Uniqueness? = nil, after delay: Duration? = nil, at time: Date? = nil,
    priority: Priority? = nil, timeToLive: Duration? = nil, headers: Message.Headers = [:]
  ) {
    name = J.name
    queue = J.queue.name
    self.id = id
    self.unique = unique
    self.delay = delay
    self.time = time
    self.priority = priority
    self.timeToLive = timeToLive
    self.headers = headers
    make = { composer, request in try composer.publication(of: job, request) }
  }
}
