import Foundation
import Testing
import Volute
import VoluteFormats

/// `volute train calo`, `sample calo` and `evaluate calo`, on runs of a second.
@Suite struct CaloCommandTests {
  private static let tiny = "train calo --steps 6 --batch-size 4 --showers 16 --seed 3"

  @Test func aStoppedRunGoesOnAsIfItHadNot() throws {
    let folder = try Folder()
    let whole = try Command("\(Self.tiny) --out {}/whole", in: folder)
    #expect(whole.status == 0 && whole.error == "", "\(whole.error)")
    #expect(whole.output.contains("16 synthetic ones"))
    // Within the first epoch of four steps.
    let first = try Command("\(Self.tiny) --threads 1 --stop-after 3 --out {}/parts", in: folder)
    #expect(first.status == 0 && first.error.contains("stopped at step 3 of 6"), "\(first.error)")
    let rest = try Command("train calo --out {}/parts --resume", in: folder)
    #expect(rest.status == 0 && rest.error == "", "\(rest.error)")
    #expect(
      try Data(contentsOf: URL(filePath: "\(folder.path)/whole/checkpoint.safetensors"))
        == Data(contentsOf: URL(filePath: "\(folder.path)/parts/checkpoint.safetensors")))
  }

  @Test func samplesAreMadeAndJudged() throws {
    let folder = try Folder()
    #expect(try Command("\(Self.tiny) --out {}/run", in: folder).status == 0)
    let sample = "sample calo --checkpoint {}/run --count 5 --energies 10,100 --steps 3 --seed 2"
    let made = try Command("\(sample) -o {}/a.npz", in: folder)
    #expect(made.status == 0 && made.output.contains("5 of small"), "\(made.error)")
    #expect(try Command("\(sample) --batch-size 2 -o {}/b.npz", in: folder).status == 0)
    let (a, b) = (try folder.read("a.npz:showers"), try folder.read("b.npz:showers"))
    #expect(a.shape == [5, 576] && a.isFinite().all() && (a .>= 0).all())
    #expect(a.isClose(to: b, relative: 1e-3, absolute: 1e-2))
    #expect(
      try folder.read("a.npz:incident_energies").elements(as: Double.self)
        == [10_000, 100_000, 10_000, 100_000, 10_000])
    let judged = try Command("evaluate calo --count 40 --samples {}/a.npz -o {}/report.html", in: folder)
    #expect(judged.status == 0 && judged.output.contains("mean profile in depth"), "\(judged.error)")
    #expect(judged.output.contains("AUC high") && judged.output.contains("AUC low"))
    let page = try folder.text("report.html")
    // Two profiles, three histograms of the whole and eight of each layer.
    #expect(page.components(separatedBy: "class=\"samples\"").count - 1 == 2 + 3 + 12 * 8)
    #expect(page.components(separatedBy: "<title>").count - 1 == 1 + 3 + 3 * 8 && !page.contains("nan"))
    #expect(page.hasPrefix("<!doctype html>") && !page.contains("http"))
  }

  @Test(arguments: [
    ("train calo --resume", "--out"), ("train calo --steps 0", "--steps 0"),
    ("train calo --showers 3", "do not fill a batch"), ("train calo --data {}/none.npz", "none.npz"),
    ("sample calo --checkpoint {}/none", "none/checkpoint.safetensors"),
    ("sample calo --count 0", "--count 0"),
    ("sample calo --energies 1,x", "'x' is not a number"), ("sample calo -o x.npy", ".npz"),
    ("evaluate calo -o x.txt", ".html"), ("evaluate calo --samples {}/none.npz", "none.npz"),
    ("evaluate calo --preset dataset9", "dataset9"), ("evaluate calo --classify -1", "--classify -1"),
    ("train calo --patience 3", "--held-out 0.15 too"), ("train calo --held-out 1", "--held-out 1.0"),
    ("train calo --held-out 0.999", "do not fill a batch"), ("train calo --widths 8,12", "--widths 8,12"),
    ("train calo --resume --out x --initial-weights y", "without --initial-weights"),
    ("train calo --binning {}/none.xml", "none.xml"),
  ]) func whatCannotBeIsRefused(_ words: String, _ text: String) throws {
    let result = try Command(words, in: Folder())
    #expect(result.status != 0 && result.error.contains(text), "\(result.error)")
  }

  @Test func aRunIsNotLost() throws {
    let folder = try Folder()
    #expect(try Command("\(Self.tiny) --stop-after 1 --out {}/run", in: folder).status == 0)
    let again = try Command("\(Self.tiny) --out {}/run", in: folder)
    #expect(again.status == 65 && again.error.contains("holds a run at step 1"))
    let other = try Command("train calo --preset dataset2 --out {}/run --resume", in: folder)
    #expect(other.status == 65 && other.error.contains("small"))
  }
}
