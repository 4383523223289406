public import Foundation

/// The directory in which a system keeps its files.
public enum DataDirectory {
  /// Creates it where it is missing.
  public static func create(_ directory: URL) throws {
    let files = FileManager.default
    do {
      try files.createDirectory(at: directory, withIntermediateDirectories: true)
    } catch {
      throw StartError(
        "the directory '\(directory.path)' cannot be created, since \(reason(directory)): choose another with --data")
    }
    guard files.isWritableFile(atPath: directory.path) else {
      throw StartError("the directory '\(directory.path)' cannot be written by this user: choose another with --data")
    }
  }

  /// What is in the way: the first part of the path that is not a directory, or may not be written.
  private static func reason(_ directory: URL) -> String {
    var part = directory.standardizedFileURL
    while part.path != "/" {
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: part.path, isDirectory: &isDirectory) {
        return isDirectory.boolValue ? "'\(part.path)' cannot be written by this user" : "'\(part.path)' is a file"
      }
      part.deleteLastPathComponent()
    }
    return "'/' cannot be written by this user"
  }
}
