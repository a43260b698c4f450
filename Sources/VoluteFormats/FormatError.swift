import Volute

/// What is wrong with a file, and how to mend it.
///
/// Everything in this module that reads or writes throws this type, and nothing traps on what a file holds.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file, or `archive.npz:member`, or the name that the caller gave to bytes in memory.
  public var path: String
  /// One clause with the numbers in it.
  public var message: String
  /// What would help, where there is such a thing.
  public var mend: String?

  /// What is wrong with the file at `path`: a clause, and the mend where there is one.
  public init(_ path: String, _ message: String, mend: String? = nil) {
    self.path = path
    self.message = message
    self.mend = mend
  }

  public var description: String {
    let head = "\(path): \(message)"
    guard let mend else { return head }
    return "\(head) (\(mend))"
  }
}

extension FormatError {
  /// There is no tensor called `name` among those of the file at `path`.
  static func missing(_ name: String, in path: String, known: [String]) -> FormatError {
    let head = known.isEmpty ? "no arrays" : known.prefix(10).map(\.shown).joined(separator: ", ")
    return FormatError(
      path, "has no array '\(name.shown)'",
      mend: "it has \(head)\(known.count > 10 ? " and \(known.count - 10) more" : "")")
  }
}
