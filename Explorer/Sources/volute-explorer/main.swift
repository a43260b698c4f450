import ExplorerServer
import Foundation
import Hummingbird

let usage = """
  usage: volute-explorer [--host 127.0.0.1] [--port 8080]

  Serves a page about convolution and prints its address. Only this machine reaches it unless --host says otherwise;
  port 0 takes a free one. Ctrl-C stops it.
  """

/// Says what is wrong with the words and ends.
func fail(_ sentence: String) -> Never {
  FileHandle.standardError.write(Data("volute-explorer: \(sentence)\n\(usage)\n".utf8))
  exit(64)
}

var host = "127.0.0.1"
var port = 8080
var words = CommandLine.arguments.dropFirst()
while let word = words.popFirst() {
  switch word {
  case "--help", "-h":
    print(usage)
    exit(0)
  case "--host":
    guard let value = words.popFirst() else { fail("--host needs an address") }
    host = value
  case "--port":
    guard let value = words.popFirst().flatMap({ Int($0) }), (0...65_535).contains(value) else {
      fail("--port needs a number from 0 to 65535")
    }
    port = value
  default: fail("'\(word)' is no option")
  }
}
do {
  let address = host
  let application = try ExplorerServer().application(host: host, port: port) { port in
    print("http://\(address):\(port)/")
    fflush(nil)
  }
  try await application.runService()
} catch {
  FileHandle.standardError.write(Data("volute-explorer: \(error)\n".utf8))
  exit(1)
}
