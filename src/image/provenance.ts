/**
 * What a file says of its origin to other programs: IPTC's digital source type, in XMP. Terms:
 * https://cv.iptc.org/newscodes/digitalsourcetype/; place in a PNG: XMP specification, part 3, 1.1.5.
 */

/** Keyword of a PNG's text that holds XMP. */
export const XMP = 'XML:com.adobe.xmp';

/** @param isEdit whether it was made from another picture, and not from words alone */
export function provenanceXmp(isEdit: boolean): string {
  const type = isEdit ? 'compositeWithTrainedAlgorithmicMedia' : 'trainedAlgorithmicMedia';
  return `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/${type}"/></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>`;
}
