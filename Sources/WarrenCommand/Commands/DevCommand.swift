internal import ArgumentParser
internal import Foundation
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import UnixSignals
internal import Warren
internal import WarrenConnect
internal import WarrenDashboard
internal import WarrenOperations

struct DevCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract:
      "For a developer's desk: a broker in a file, the dashboard, and a mail server whose mails are shown on a page.",
    discussion: """
      It makes the broker's file in --data if there is none, and serves this machine only. What it prints on standard output \
      are the variables for the programs to develop: WARREN_BROKER and SMTP_URL. Mails are kept in memory and delivered nowhere. \
      Any number of programs may use the file beside it; Ctrl-C ends it, and they go on.
      """)
  @OptionGroup var options: GlobalOptions
  @Option(
    help: ArgumentHelp("Where the broker's file is; made if it is not there.", valueName: "folder"),
    completion: .directory)
  var data = ".warren"
  @Option(help: ArgumentHelp("The port of the dashboard; 0 for any that is free.", valueName: "port"))
  var port: UInt16 = 7072
  @Option(help: ArgumentHelp("The port of the page with the mails; 0 for any that is free.", valueName: "port"))
  var mailPort: UInt16 = 8025
  @Option(help: ArgumentHelp("The port of the mail server; 0 for any that is free.", valueName: "port"))
  var smtpPort: UInt16 = 1025
  @Option(
    help: ArgumentHelp(
      "The application's outbox, to show it, too: sqlite:PATH of its database (default: $WARREN_OUTBOX).",
      valueName: "url"),
    completion: .file())
  var outbox: String?

  func validate() throws {
    if options.broker != nil || options.context != nil {
      throw ValidationError("`dev` has a broker of its own, in --data: for another there is `warren dashboard`")
    }
  }

  func run() async throws {
    var logger = Logger(label: "warren.dev", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .warning
    let folder = URL(fileURLWithPath: data)
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw CommandError(.failure, "the folder '\(data)' cannot be made", next: "name another with --data")
    }
    let path = folder.appendingPathComponent("broker.db").path
    let named = outbox ?? ProcessInfo.processInfo.environment["WARREN_OUTBOX"].flatMap { $0.isEmpty ? nil : $0 }
    let broker = try BrokerAddress.sqlite(path: path).open(logger: logger)
    let dashboard = Dashboard(
      broker, .init(title: "Development", environment: "development"),
      outbox: try named.map { try BrokerAddress($0).openOutbox() }, logger: logger)
    let box = MailBox()
    let printer = Printer(options)
    let mails = Application(
      router: MailPage(box: box).router(),
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: Int(mailPort)), serverName: nil),
      onServerRunning: { channel in
        StandardError.print("mails           http://127.0.0.1:\(channel.localAddress?.port ?? 0)/")
      }, logger: logger)
    let server = try DashboardServer(dashboard, .init(port: Int(port)), logger: logger) { port in
      StandardError.print("the dashboard   http://127.0.0.1:\(port)/")
    }
    let catcher = SMTPCatcher(port: smtpPort, box: box) { port in
      try? printer.write("export WARREN_BROKER='sqlite:\(path)'\nexport SMTP_URL=smtp://127.0.0.1:\(port)\n")
    }
    let group = ServiceGroup(
      configuration: .init(
        services: [broker, catcher, mails, server], gracefulShutdownSignals: [.sigint, .sigterm], logger: logger))
    do { try await group.run() } catch let error as DashboardServer.ListeningError {
      throw CommandError(.failure, error.description, next: "choose another with --port")
    } catch let error as IOError where [EADDRINUSE, EACCES].contains(error.errnoCode) {
      throw CommandError(
        .failure, "the port \(smtpPort) or \(mailPort) of this machine cannot be listened on",
        next: "choose others with --smtp-port and --mail-port")
    }
  }
}
