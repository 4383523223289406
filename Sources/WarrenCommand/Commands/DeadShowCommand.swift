internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct DeadShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows a dead letter: why, what it has been through, where it came from, its body.")
  @OptionGroup var options: GlobalOptions
  @Argument(help: "The message.") var id: MessageID
  @Option(help: ArgumentHelp("Only where it lies in this queue.", valueName: "queue")) var queue: QueueName?

  func run() async throws {
    let letters = try await options.withOperations { try await $0.deadLetters(id, in: queue) }
    let printer = Printer(options)
    // Several queues may have given up on one event. Its JSON stays an object as long as there is one.
    if options.json { return letters.count == 1 ? try printer.json(letters[0]) : try printer.json(letters) }
    for (index, letter) in letters.enumerated() {
      if index > 0 { try printer.write("\n") }
      try printer.write(text(letter, printer))
    }
    if letters.contains(where: { $0.body?.isMasked == true }) {
      StandardError.print("some of it is hidden: --unmask shows it")
    }
  }

  private func text(_ letter: DeadLetterView, _ printer: Printer) -> String {
    let format = Format(options, printer.terminal)
    let isPerson = printer.terminal.isOutput
    func when(_ date: Date?) -> String {
      guard let date else { return "" }
      return isPerson ? "\(format.time(date)) (\(format.age(date)) ago)" : format.time(date)
    }
    var text = printer.card([
      ("id", letter.id?.rawValue ?? "none"), ("address", letter.address?.rawValue ?? ""),
      ("name", letter.name?.rawValue ?? ""),
      ("reason", letter.reason.rawValue),
      ("error", letter.failures.last.map { "\($0.error): \($0.message)" } ?? letter.detail),
      ("origin", letter.origin.rawValue), ("queue", letter.queue.rawValue),
      ("exchange", letter.exchange?.rawValue ?? ""), ("routing key", letter.routingKey.rawValue),
      ("published", when(letter.published)), ("parked", when(letter.time)), ("expires", when(letter.expiresAt)),
      ("attempts", "\(letter.attempts)"), ("interruptions", "\(letter.interruptions)"),
      ("replays", "\(letter.replays)"),
      ("priority", "\(letter.priority.rawValue)"), ("source", letter.source ?? ""),
      ("correlation id", letter.correlationID ?? ""), ("causation id", letter.causationID ?? ""),
      ("content type", letter.contentType ?? ""), ("content encoding", letter.contentEncoding ?? ""),
      ("packed as", letter.body?.packing ?? ""),
    ])
    text += section("history", printer) + history(letter, format, printer)
    if !letter.headers.isEmpty { text += section("headers", printer) }
    text += printer.card(letter.headers.sorted { $0.key < $1.key }.map { (indent + $0.key, $0.value) })
    if let content = letter.body { text += section("body", printer) + body(content) + "\n" }
    return text
  }

  private var indent: String { "  " }

  private func section(_ title: String, _ printer: Printer) -> String {
    printer.terminal.isOutput ? "\n" + Style.title(title, on: printer.terminal) + "\n" : ""
  }

  private func history(_ letter: DeadLetterView, _ format: Format, _ printer: Printer) -> String {
    if letter.failures.isEmpty {
      return printer.terminal.isOutput ? indent + "no failed attempt on record\n" : ""
    }
    return letter.failures.map { failure in
      let attempt = failure.attempt == 0 ? "no attempt" : "attempt \(failure.attempt)"
      let what = Text.printable("\(failure.error): \(failure.message)")
      let worker = Text.printable(failure.worker)
      if !printer.terminal.isOutput { return "history\t\(attempt)\t\(format.time(failure.time))\t\(worker)\t\(what)\n" }
      let head = "\(indent)\(attempt)  \(format.time(failure.time))  \(Style.dim(worker, on: printer.terminal))\n"
      return head + "\(indent)\(indent)\(Style.bad(what, on: printer.terminal))\n"
    }.joined()
  }

  private func body(_ body: BodyView) -> String {
    Text.printable(body.pretty, keepsLines: true)
  }
}
