"""Makes the PDFs of the tests: pip install reportlab pypdf && python3 make.py

browser.pdf is testdata/page.html of the package above, printed by Chromium:
chromium --headless --no-sandbox --no-pdf-header-footer --print-to-pdf=browser.pdf ../../testdata/page.html

The files are kept, so that the tests need no Python: a newer library would lay them out a little differently.
"""
import os, random
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib import pdfencrypt
from reportlab.lib.units import cm
from reportlab.pdfgen import canvas
from reportlab.platypus import (BaseDocTemplate, Frame, FrameBreak, ListFlowable, NextPageTemplate, PageBreak, PageTemplate,
                                Paragraph, SimpleDocTemplate, Spacer, Table, Preformatted)

os.chdir(os.path.dirname(os.path.abspath(__file__)))
css = getSampleStyleSheet()
body = ParagraphStyle("b", parent=css["BodyText"], fontSize=10, leading=13)
P = lambda t: Paragraph(t, body)


class Manual(SimpleDocTemplate):
    """With an outline, page headers and page numbers."""

    def afterFlowable(self, f):
        level = {"Heading1": 0, "Heading2": 1}.get(getattr(f, "style", body).name)
        if level is not None:
            key = "h" + self.seq.nextf("h")
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(f.getPlainText(), key, level)


def furniture(c, doc):
    c.setFont("Helvetica", 8)
    c.drawString(2 * cm, 28.5 * cm, "Pump manual, edition 3")
    c.drawRightString(19 * cm, 1 * cm, "%d" % doc.page)


def manual():
    filler = ("The pump is driven by a motor of 400 watts. It moves clean water only, and must not run dry for more than "
              "thirty seconds. Let it cool down after each hour of work, and check the seals once a week. ")
    story = [Paragraph("Manual of the Pump", css["Title"]), P(filler), Paragraph("1 Installation", css["Heading1"]), P(filler * 2)]
    story += [Paragraph("1.1 Tools", css["Heading2"]), P("You need these tools:"),
              ListFlowable([P("a wrench of 12 mm, which fits all the bolts of the housing and of the two flanges that hold the pipe to it"),
                            P("a level"), ListFlowable([P("of wood"), P("of metal")], bulletType="bullet", start="–"), P("tape")],
                           bulletType="bullet", start="•")]
    story += [Paragraph("1.2 Steps", css["Heading2"]),
              ListFlowable([P("Close the valve."), P("Fix the pump to the ground with four bolts and check with the level that it stands even, as "
                            "otherwise it will tremble."), P("Open the valve.")], bulletType="1", bulletFormat="%s.")]
    story += [PageBreak(), Paragraph("2 Maintenance", css["Heading1"]), P(filler),
              Table([["Part", "Interval", "Hours"], ["Seal", "weekly", "0.5"], ["Filter", "monthly", "1.0"], ["Bearing", "yearly", "3.5"]])]
    story += [P(filler), Preformatted("pump --check\nif failed {\n    pump --reset\n}", css["Code"])]
    story += [PageBreak(), Paragraph("3 Trouble", css["Heading1"]), P(filler * 3), P("The flow is 10<super>3</super> litres."),
              PageBreak(), Paragraph("4 Warranty", css["Heading1"]), P(filler)]
    Manual("manual.pdf", pagesize=A4, title="Manual of the Pump", invariant=1).build(story, onFirstPage=furniture, onLaterPages=furniture)


def paper():
    """Two columns below a title, broken words, no outline."""
    random.seed(7)
    words = "measure sample protein gradient river sediment observation signal noise average estimate winter summer temperature".split()
    sentence = lambda: " ".join(random.choice(words) for _ in range(12)).capitalize() + "."
    para = ParagraphStyle("p", parent=body, alignment=4, firstLineIndent=12, spaceBefore=0, fontSize=9, leading=11, hyphenationLang=None)
    head = ParagraphStyle("h", parent=css["Heading2"], fontSize=11)
    gap, width, height = 0.8 * cm, (A4[0] - 4.8 * cm) / 2, A4[1] - 4 * cm
    top = 3 * cm
    first = [Frame(2 * cm, A4[1] - 2 * cm - top, 2 * width + gap, top, id="t"), Frame(2 * cm, 2 * cm, width, height - top, id="l"),
             Frame(2 * cm + width + gap, 2 * cm, width, height - top, id="r")]
    later = [Frame(2 * cm, 2 * cm, width, height, id="l"), Frame(2 * cm + width + gap, 2 * cm, width, height, id="r")]
    doc = BaseDocTemplate("paper.pdf", pagesize=A4, invariant=1,
                          pageTemplates=[PageTemplate("first", first), PageTemplate("later", later)])
    story = [NextPageTemplate("later"), Paragraph("On the Sediment of Rivers", css["Title"]), FrameBreak()]
    for n, name in enumerate(["Introduction", "Methods", "Results"], 1):
        story.append(Paragraph("%d %s" % (n, name), head))
        story += [Paragraph("Paragraph %d.%d begins. " % (n, i) + " ".join(sentence() for _ in range(14)) + " It ends.", para) for i in range(1, 4)]
    doc.build(story)


def scan():
    from PIL import Image
    picture = Image.new("L", (60, 80), 200)
    for i in range(60):
        picture.putpixel((i, i), 0)
    picture.save("/tmp/scan.png")
    c = canvas.Canvas("scan.pdf", pagesize=A4, invariant=1)
    for _ in range(2):
        c.drawImage("/tmp/scan.png", 0, 0, *A4)
        c.showPage()
    c.save()


def encrypted():
    c = canvas.Canvas("encrypted.pdf", pagesize=A4, encrypt=pdfencrypt.StandardEncryption("secret"), invariant=1)
    c.drawString(100, 700, "Nobody reads this.")
    c.save()


def turned():
    """A page turned by a quarter, with a watermark across it."""
    c = canvas.Canvas("turned.pdf", pagesize=A4, invariant=1)
    c.setPageRotation(90)
    c.rotate(90)
    c.setFont("Helvetica", 11)
    for i, line in enumerate(["This page is turned by a quarter, and its", "lines are read as they are seen by those", "who look at it."]):
        c.drawString(60, -60 - 14 * i, line)
    c.rotate(-45)
    c.setFont("Helvetica", 60)
    c.drawString(100, 300, "DRAFT")
    c.save()


for make in manual, paper, scan, encrypted, turned:
    make()
