import Foundation

/// The files of the page, read once when the server starts: only what is in this table can be asked for.
package struct PageFiles: Sendable {
  package struct File: Sendable {
    package let type: String
    package let bytes: [UInt8]
  }

  private let files: [String: File]

  private static let types = [
    "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
  ]

  package init() throws {
    guard let folder = Bundle.module.url(forResource: "Page", withExtension: nil) else {
      throw CocoaError(.fileReadNoSuchFile)
    }
    var files: [String: File] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      guard let type = Self.types[String(name.split(separator: ".").last ?? "")] else { continue }
      let bytes = try Data(contentsOf: folder.appending(path: name))
      files["/\(name)"] = File(type: type, bytes: Array(bytes))
    }
    files["/"] = files["/index.html"]
    self.files = files
  }

  package subscript(path: String) -> File? { files[path] }
}
