import AMQP
import Foundation
import Logging
import Testing
import Warren

@testable import WarrenRabbitMQ

/// The parts that need no broker.
@Suite struct PureTests {
  @Test(arguments: [
    (1, 50, false), (50, 50, false), (51, 100, false), (1000, 1000, false), (1001, 1000, true), (2000, 2000, false),
    (8000, 8000, false), (12_300, 10_000, true), (19_970, 20_000, false), (60_000, 60_000, false),
    (3_600_000, 3_600_000, false), (86_400_000 * 40, 86_400_000 * 24, true),
  ])
  func aRoundDelayTakesOneBucket(_ delay: Int, _ bucket: Int, _ isEarly: Bool) {
    #expect(Delays.bucket(for: delay) == (bucket, isEarly))
  }

  @Test func noDelayComesEarlyOrMuchLaterAndHopsAreFew() {
    var most = 0
    for delay in [Int](stride(from: 1, through: 60_000, by: 7)) + stride(from: 61_000, through: 86_400_000, by: 99_991)
    {
      var left = delay
      var hops = 0
      while left > 0 {
        let (bucket, isEarly) = Delays.bucket(for: left)
        #expect(isEarly == (bucket < left))
        left -= bucket
        hops += 1
      }
      most = max(most, hops)
      #expect(-left <= max(Delays.grid, delay / 1000), "\(delay)")
    }
    #expect(most <= 11 && Delays.buckets.count < 50 && Delays.buckets == Delays.buckets.sorted())
  }

  @Test func aRetryTakesOneBucketAndIsAtMostAQuarterLate() {
    for delay in [Int](stride(from: 1, through: 90_000, by: 11)) + stride(from: 90_000, through: 80_000_000, by: 77_777)
    {
      let (bucket, isEarly) = Delays.bucket(for: delay, mayBeLate: true)
      if isEarly {
        // Where the next bucket is further away than a quarter: another hop follows.
        #expect(bucket < delay)
      } else {
        #expect(bucket >= delay && bucket - delay <= max(Delays.grid, delay / 4))
      }
    }
    for delay in [1000, 2000, 4000, 8000, 16_000, 27_000, 60_000, 290_000, 3_000_000] {
      #expect(!Delays.bucket(for: delay, mayBeLate: true).isEarly, "\(delay)")
    }
  }

  @Test func timeIsRoundedUp() {
    let now = Date(timeIntervalSince1970: 1000)
    #expect(Delays.milliseconds(from: now, until: now) == 0)
    #expect(Delays.milliseconds(from: now, until: now - 1) == 0)
    #expect(Delays.milliseconds(from: now, until: Date(timeIntervalSince1970: 1000.0001)) == 1)
  }

  @Test func connectionsThatAreGoingAreLeftOut() throws {
    let list = #"[{"name":"a","connectedAt":1},[],{"connectedAt":2},{"name":"b"}]"#
    let decoded = try JSONDecoder().decode(
      ManagementAPI.Passing<ManagementAPI.ConnectionInfo>.self, from: Data(list.utf8))
    #expect(decoded.all.map(\.name) == ["a", "b"])
  }

  @Test func versionsAreToldApart() {
    #expect(!Server(version: "3.10.8").givesBackFreely && Server(version: "3.10.8").isSupported)
    #expect(!Server(version: "4.0.5").ordersByPriority && !Server(version: "4.2.9").ordersByPriority)
    #expect(Server(version: "4.3.6").ordersByPriority && Server(version: "4.10.0-rc.1").givesBackFreely)
    #expect(!Server(version: "3.9.29").isSupported && Server(version: nil).isSupported)
  }

  @Test func theBrokersWordsBecomeADifference() throws {
    let texts = [
      "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received the value '60000' of type 'signedint' but current is none":
        "queue 'q': time to live (x-message-ttl) is none, asked for 1 min",
      "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received '11' but current is '10'":
        "queue 'q': x-delivery-limit is 10, asked for 11",
      "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received none but current is the value 'quorum' of type 'longstr'":
        "queue 'q': type (x-queue-type) is quorum, asked for none",
    ]
    for (text, words) in texts {
      #expect(try #require(Conflict(text)).difference(of: "queue 'q'").description == words)
    }
    #expect(Conflict("something else") == nil)
  }

  @Test func aLongNameOfAQueueStillHasNeighbours() {
    let long = String(repeating: "ü", count: 120)
    let names = [SystemNames.suspects(of: .init(long + "a")), SystemNames.suspects(of: .init(long + "b"))]
    #expect(names[0] != names[1])
    #expect(names.allSatisfy { $0.utf8.count <= 255 })
  }

  @Test(arguments: [
    (
      "amqp://u:p%40@h:1234/v?heartbeat=5&management=http://m:8080", "amqp://u:p%40@h:1234/v?heartbeat=5",
      "http://m:8080"
    ),
    ("amqp://u:[p@h?management=https://a:b%40@m&heartbeat=5", "amqp://u:[p@h?heartbeat=5", "https://a:b%40@m"),
    ("amqp://h?management=http%3A%2F%2Fm%3A1", "amqp://h", "http://m:1"),
    ("amqp://h/v?heartbeat=5", "amqp://h/v?heartbeat=5", nil),
  ])
  func theManagementAPIIsNamedInTheURL(_ url: String, _ uri: String, _ management: String?) throws {
    let address = try Address(url)
    #expect(address.uri == uri)
    #expect(address.management?.absoluteString == management)
  }

  @Test(arguments: [
    ("amqp://u:p%40@h/v", "u", "p@"), ("amqp://u@h?a=b@c", "u", "guest"), ("amqp://h", "guest", "guest"),
    ("amqp://u:a:b@c@h", "u", "a:b@c"),
  ])
  func theManagementAPIIsAskedAsTheUserOfTheURL(_ url: String, _ user: String, _ password: String) throws {
    let credentials = try Address(url).credentials
    #expect(credentials.user == user)
    #expect(credentials.password == password)
  }

  @Test func whatWasNotReachedIsNamed() async throws {
    var configuration = RabbitMQConfiguration()
    configuration.startDeadline = .milliseconds(20)
    let broker = try RabbitMQBroker(
      urls: ["amqp://ada:secret@127.0.0.1:1", "amqp://ada:secret@127.0.0.1:2"], configuration: configuration,
      logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
    let running = Task { try await broker.run() }
    defer { running.cancel() }
    var said = ""
    // Until it runs, the error is another one.
    repeat {
      let error = await #expect(throws: BrokerError.self) { try await broker.apply(Topology(queues: ["q"])) }
      said = error?.code == .unavailable ? error?.message ?? "" : ""
    } while said.isEmpty
    #expect(said.contains("127.0.0.1:1, 127.0.0.1:2") && !said.contains("secret"))
  }

  @Test func aConfigurationThatCannotBeMeantIsRefused() {
    func refusal(_ change: (inout RabbitMQConfiguration) -> Void) -> String {
      var configuration = RabbitMQConfiguration()
      change(&configuration)
      do {
        _ = try RabbitMQBroker(url: "amqp://h", configuration: configuration)
        return "accepted"
      } catch { return error.code == .invalid ? error.message : "\(error)" }
    }
    let time = Duration.milliseconds(-1)
    #expect(refusal { $0.publishDeadline = time }.contains("publishDeadline"))
    #expect(refusal { $0.startDeadline = time }.contains("startDeadline"))
    #expect(refusal { $0.releaseDeadline = time }.contains("releaseDeadline"))
    #expect(refusal { $0.connectDeadline = .zero }.contains("connectDeadline"))
    #expect(refusal { $0.longestReconnectPause = .zero }.contains("longestReconnectPause"))
    #expect(refusal { $0.consumerTimeout = .zero }.contains("consumerTimeout"))
    #expect(refusal { $0.consumerTimeout = nil } == "accepted")
  }

  @Test(arguments: [
    "", "=", "=localhost:15672", "=secret", "=http://", "=ftp://secret", "=http:secret", "=http://secret:65536",
    "=http://secret:0", "=http://secret:999999999999999999999", "=http://m:1?secret=1", "=http://m:1%23secret",
    "=http://m:1&management=http://secret:1",
  ])
  func whatIsNoAddressOfAManagementAPIIsRefusedWithWhatToWrite(_ value: String) throws {
    let error = #expect(throws: BrokerError.self) {
      _ = try RabbitMQBroker(url: "amqp://h/v?heartbeat=5&management\(value)")
    }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains("?management=http://HOST:15672") == true)
    #expect(error?.message.contains("secret") == false)
  }

  @Test(arguments: [
    ("amqps://h", "https://h:15671"), ("amqp://", "http://localhost:15672"), ("amqp://[::1]:99", "http://[::1]:15672"),
    ("amqp://local%20host", nil),
  ])
  func theManagementAPIIsElseOnTheBrokersHost(_ url: String, _ management: String?) throws {
    #expect(Address.derived(from: try AMQPConfiguration(uri: url))?.absoluteString == management)
  }
}
