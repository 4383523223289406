internal import ArgumentParser
internal import Foundation
internal import Warren

/// How the command ends, for scripts.
enum ExitStatus: Int32, Error {
  /// Done.
  case done = 0
  /// An error; of `status` and `doctor`: something is not well.
  case failure = 1
  /// The command was not understood, or needs an answer and there is no terminal to give it on.
  case usage = 2
  /// Done with some and not with others.
  case partial = 3
  /// Nothing has this name, or matches.
  case nothing = 4
  /// The broker cannot be reached.
  case unreachable = 5

  /// Prints an error for a person and returns what it means for a script.
  static func of(_ error: any Error) -> ExitStatus {
    switch error {
    case let status as ExitStatus: return status
    case let failure as CommandError:
      StandardError.error(failure.description)
      return failure.status
    case let error as BrokerError:
      let failure = CommandError(error)
      StandardError.error(failure.description)
      return failure.status
    case is CancellationError: return .failure
    default: break
    }
    // The parser's own: help and completion scripts are data, and no error.
    let text = RootCommand.fullMessage(for: error)
    if RootCommand.exitCode(for: error) == .success {
      do throws(StandardStream.Failure) { try StandardStream.output.write(text + "\n") } catch {
        return of(CommandError(error))
      }
      return .done
    }
    StandardError.print(text)
    return RootCommand.exitCode(for: error) == .validationFailure ? .usage : .failure
  }

  func end() -> Never { exit(rawValue) }
}
