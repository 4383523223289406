import Foundation
import Spawning
import Testing

/// A real process with a scheduler is killed between every two of its writes. Whatever the moment: no tick is lost, and of the one
/// in doubt an engine that knows keys keeps the repeat out.
@Suite struct ScheduleCrashTests {
  private static let kills = ProcessInfo.processInfo.environment["WARREN_TEST_KILLS"].flatMap(Int.init) ?? 16

  @Test(arguments: [false, true]) func aKillBetweenAnyTwoWritesLosesNoTick(keys: Bool) async throws {
    let quiet = try CrashFolder()
    let total = try #require(
      Int(try await run(quiet, point: 0, from: 0, keys).output.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(try ticks(quiet) == (1...4).map(id))
    var died = 0
    var repeats = 0
    for number in 0..<Self.kills {
      let point = 1 + number * total / Self.kills
      let folder = try CrashFolder()
      if try await run(folder, point: point, from: 0, keys).ending == .signalled(SIGKILL) { died += 1 }
      // How many points there are differs a little from run to run: one that was not killed has noted what it found.
      try? FileManager.default.removeItem(atPath: "\(folder.path)/ticks.log")
      let end = try await run(folder, point: 0, from: 10, keys)
      #expect(end.ending == .exited(0), "after a kill at \(point)")
      let found = try ticks(folder)
      // One that died before it had recorded the schedule has missed nothing.
      let first = found.contains(id(1)) ? 1 : 11
      #expect(Set(found) == Set((first...14).map(id)), "killed at \(point) of \(total)")
      repeats += found.count - Set(found).count
      #expect(found.count - Set(found).count <= (keys ? 0 : 1), "killed at \(point) of \(total)")
    }
    // On a busy machine a run has fewer points than the first one had.
    #expect(died > Self.kills / 4)
    if !keys { #expect(repeats > 0, "some are in doubt, or the points are wrong") }
  }

  private func id(_ hour: Int) -> String {
    let time = Date(timeIntervalSince1970: 1_800_000_000 + Double(hour) * 3600)
    return "schedule:crash/tick@\(time.formatted(.iso8601))"
  }

  private func ticks(_ folder: CrashFolder) throws -> [String] {
    try String(contentsOfFile: "\(folder.path)/ticks.log", encoding: .utf8).split(separator: "\n").map(String.init)
      .sorted()
  }

  private func run(_ folder: CrashFolder, point: Int, from hour: Int, _ keys: Bool) async throws -> (
    ending: ChildProcess.Ending, output: String
  ) {
    let process = try ChildProcess(
      BuiltProgram.path("warren-outbox-crash"),
      [folder.path, "schedules", "\(point)", "\(hour)"] + (keys ? ["keys"] : []), output: .pipe, errors: .inherited)
    let output = await process.output?.text() ?? ""
    return (await process.end(), output)
  }
}
