// Written by `python -m export.page --generate` from the Python code. Do not edit.

export const CLASS_NAMES = [
  "FRI",
  "FRII"
] as const;
export const IMAGE_SIZE = 150;
export const FIELD_SIZE = 300;
export const PIXEL_SCALE = 1.8;
export const BEAM = 5.4;
export const PIXELS_PER_BEAM = 3.0;
export const SAME_BEAM = 0.03;
export const MAX_AXIS_RATIO = 1.3;
export const FIRST_MEANS = [
  4.86,
  6.21
] as const;
export const LEAST_NARROWING = 1.5;
export const NOISE_CLIP_SIGMA = 3.0;
export const NOISE_CLIP_ITERATIONS = 5;
export const MASK_SIGMA = 3.0;
export const LARGEST_VALUE = 1e+30;
export const SQUARES_IN_RANGE = [
  1e-12,
  1000000000000.0
] as const;
export const FULL_SHARE = 0.95;
export const MOST_EXCESS = 1.25;
export const MAD_TO_SIGMA = 1.4826;
export const SKY_SHARE = 0.4;
export const LEAST_SHARE = 0.35;
export const LEAST_BEAMS = 20;
export const LEAST_AREA = 9;
export const COARSE_SHARE = 0.03;
export const COARSE_BLOCK = 12;
export const EVERY = 7;
export const FILL_VALUES = 3;
export const LEAST_NEGATIVE_SHARE = 0.02;
export const LEAST_NEGATIVE = 5;
export const MOST_GAP = 0.35;
export const FADING = 0.05;
export const FWHM_PER_SIGMA = 2.3548200450309493;
export const SOURCE_SIGMA = 5.0;
export const OFF_CENTRE_PIXELS = 15.0;
export const MIN_PIXELS = 3;
export const MIN_RELATIVE_PEAK = 0.02;
export const LEAST_GALAXY = 3.0;
export const BRIGHTEST = 4.0;
export const END = 0.4;
export const FARTHEST_BEAMS = 2.0;
export const LARGEST_ERROR = 30.0;
export const CHANCE = 0.02;
export const CERTAIN_CHANCE = 0.002;
export const CERTAIN_PAIR = 0.0005;
export const CONFUSED_CHANCE = 0.1;
export const TOUCHING = 4.0;
export const SMALLEST_REACH = 8.0;
export const LONGEST_GAP = 40.0;
export const LONGEST_PAIR = 900.0;
export const NEAR_GAP = 12.0;
export const BALANCE = 0.2;
export const OPPOSITE_RATIO = 10.0;
export const CORE_RATIO = 3.0;
export const COUNT_SLOPE = 1.1;
export const UNSEEN = 0.5;
export const FARTHEST = 20.0;
export const ROUNDS = 3;
export const WIDENINGS = [
  2,
  4
] as const;
export const LEAST_SIZE = 0.75;
export const LARGEST_OFFSET = 1.4;
export const LARGEST_CONFUSED_OFFSET = 1.2;
export const NOT_WIDENED = [
  "incomplete",
  "no_beam",
  "no_wcs",
  "noise_uncertain",
  "off_centre"
] as const;
export const NOT_SHOWN = [
  "incomplete",
  "no_source",
  "noise_uncertain"
] as const;
export const ENOUGH_BEAMS = 5.0;
export const MOST_SHRINKING = 0.75;
export const FARTHEST_CENTROID = 0.5;
export const NOT_NARROWED = [
  "beyond_frame",
  "incomplete",
  "no_beam",
  "no_wcs",
  "noise_uncertain",
  "outer_lobes",
  "undersampled",
  "wider_beam"
] as const;
export const NOT_SHOWN_NARROWER = [
  "beyond_frame",
  "incomplete",
  "noise_uncertain",
  "outer_lobes"
] as const;
export const MOST_ELONGATED = 1.7;
export const LEAST_WIDTH = 1.5;
export const MOST_UNEVEN = 0.04;
export const MOST_SPREAD = 1.42;
export const MAIN_SHARE = 0.8;
export const TINY = 1e-09;
export const SAME_SCALE = 0.01;
export const LEAST_LOBE = 3.0;
export const WITHOUT_OUTSKIRTS = [
  "beyond_frame",
  "incomplete",
  "no_beam",
  "no_source",
  "no_wcs",
  "noise_uncertain"
] as const;
export const REACH = 4.5;
export const MIN_WEIGHT = 0.5;
export const LOW_SNR = 10.0;
export const NEGATIVE_SHARE = 0.01;
export const NEGATIVE_DEPTH = 0.002;
export const SMALLEST_FIELD = 16;
export const JUST_ABOVE = 1.000001;
export const LARGEST_FIELD = 1200;
export const FINEST = 9;
export const MOST_PIXELS = 1000.0;
export const LEAST_PIXELS = 0.5;
export const WIDEST = 648000.0;
export const NARROWEST = 1e-06;
export const ROUND = 1.05;
export const NEAR_REFERENCE = 0.5;
export const SAME_RESOLUTION = 0.25;
export const FIRST_WIDTHS = [
  5.0,
  7.0
] as const;
export const NAMING = [
  "SURVEY",
  "OBSERVER",
  "PROJECT",
  "ORIGIN",
  "OBJECT",
  "TITLE"
] as const;
export const FIRST_TITLES = [
  "The VLA FIRST Survey",
  "The FIRST VLA Survey",
  "The FIRST project team"
] as const;
export const STOKES: Readonly<Record<string, number>> = {
  "I": 1,
  "Q": 2,
  "U": 3,
  "V": 4,
  "RR": -1,
  "LL": -2,
  "RL": -3,
  "LR": -4,
  "XX": -5,
  "YY": -6,
  "XY": -7,
  "YX": -8
};
export const POLARISED: Readonly<Record<number, string>> = {
  "5": "polarised intensity",
  "6": "fractional polarisation",
  "7": "polarisation angle"
};
export const PREVIEW_PIXELS = 4.0;
export const PREVIEW_SCALE = 1.9;
export const SAME_EXTENT = 0.1;
export const MOST_LIT = 0.25;
export const LEAST_LEVELS = 16;
export const LEAST_USED = 0.97;
export const PLAIN_ADVICE = "give 8-bit or 16-bit integers, or real numbers from 0 to 1 or -1 (black) to 1, stretched from black sky to white peak; a map needs its pixel scale and beam (cutout_from_field, --pixel-scale and --beam)";
export const GREY_TOLERANCE = 8;
export const MOST_PICTURE_PIXELS = 16777216;
export const COMPACT_BELOW_BEAMS = 1.0;
export const COMPACT_FROM_POINT = 0.85;
export const COMPACT_FROM_SHARE = 0.8;
export const PEAK_PERCENTILE = 99.0;
export const CONTOUR_FACTORS = [
  64,
  16,
  4
] as const;
export const UNDERSAMPLED_BELOW = 2.0;
export const OUTSKIRTS_SQUARE = 10;
export const NEAR_CENTRE = 3.0;
export const BEAM_PIXELS = [
  2.0,
  12.0
] as const;
export const OTHER_QUANTITY = "polari[sz]|stokes[ _]?[quv]\\b|spectral.?index|faraday|rotation.?measure|velocity|optical.?depth";
export const LARGEST_FLOAT32 = 3.4028234663852886e+38;
export const SURVEYS = [
  {
    "name": "FIRST",
    "called": "(VLA[ -]?)?FIRST( survey)?( \\(1\\.4 ?GHz\\))?",
    "telescope": "VLA",
    "frequency": [
      1300000000.0,
      1500000000.0
    ],
    "declination": [
      -12,
      90
    ],
    "beams": [
      5.4
    ]
  },
  {
    "name": "NVSS",
    "called": "(VLA[ -]?)?NVSS( GRP)?( \\(?1\\.4 ?GHz\\)?)?|NRAO VLA Sky Survey( \\(NVSS\\))?",
    "telescope": "VLA",
    "frequency": [
      1300000000.0,
      1500000000.0
    ],
    "declination": [
      -42,
      90
    ],
    "beams": [
      45.0
    ]
  },
  {
    "name": "SUMSS",
    "called": "SUMSS( \\(?843 ?MHz\\)?)?|Sydney University Molonglo Sky Survey( \\(SUMSS\\))?",
    "telescope": "MOST|Molonglo",
    "frequency": [
      820000000.0,
      860000000.0
    ],
    "declination": [
      -90,
      -29
    ],
    "beams": [
      45.0
    ]
  },
  {
    "name": "TGSS",
    "called": "(GMRT[ -]?)?TGSS([ -]?ADR ?1?)?( \\(?1\\d\\d ?MHz\\)?)?",
    "telescope": "GMRT",
    "frequency": [
      130000000.0,
      170000000.0
    ],
    "declination": [
      -55,
      90
    ],
    "beams": [
      25.0
    ]
  },
  {
    "name": "VLASS",
    "called": "(VLA[ -]?)?VLASS([ -]?(QL|SE|\\d(\\.\\d)?))*( \\(?3 ?GHz\\)?)?",
    "telescope": "VLA",
    "frequency": [
      2000000000.0,
      4000000000.0
    ],
    "declination": [
      -42,
      90
    ],
    "beams": [
      2.5
    ]
  },
  {
    "name": "RACS-low",
    "called": "RACS([ -]?low)?([ -]?(DR)?1)?|Rapid ASKAP Continuum Survey( \\(RACS\\))?",
    "telescope": "ASKAP",
    "frequency": [
      700000000.0,
      1050000000.0
    ],
    "declination": [
      -90,
      52
    ],
    "beams": [
      25.0,
      15.0
    ]
  },
  {
    "name": "LoTSS",
    "called": "LoTSS([ -]?P?DR ?\\d)?( \\(?1\\d\\d ?MHz\\)?)?|LOFAR Two-metre Sky Survey( \\(LoTSS\\))?",
    "telescope": "LOFAR",
    "frequency": [
      110000000.0,
      180000000.0
    ],
    "declination": [
      -10,
      90
    ],
    "beams": [
      6.0,
      20.0
    ]
  }
];
export const WITHOUT_CLASS = [
  "artefacts",
  "no_beam",
  "no_wcs",
  "off_source",
  "one_sided",
  "outer_lobes",
  "round"
];
export const FLAG_MEANINGS: Readonly<Record<string, string>> = {
  "no_beam": "the header states no beam and none was given; the map was not smoothed or regridded",
  "assumed_beam": "the header states no beam (its survey's was assumed) or no BPA (0 was assumed)",
  "no_wcs": "the header states no celestial coordinates; 1.8 arcsec a pixel was assumed",
  "unknown_unit": "the brightness unit is not known; the noise is in the unit of the file",
  "edge": "the frame reaches beyond the map; its pixels there are black",
  "nan_filled": "the frame holds unknown pixels (NaN, or areas of one value); they are black",
  "incomplete": "the source reaches unknown pixels, or part of it may lie on them",
  "noise_uncertain": "the map has too little sky, or a sky of zeros: give --noise or --rms-map",
  "no_source": "nothing in the frame peaks above 5 sigma",
  "low_snr": "the source peaks below 10 sigma; 99 % of MiraBest's sources are brighter",
  "off_centre": "the source is more than 15 pixels from the middle of the frame",
  "beyond_frame": "emission of the source reaches the edge of the frame",
  "outer_lobes": "islands beyond the frame may be lobes of the source",
  "confused": "a neighbour may belong to the source, or is nearer to the position than it is",
  "round": "the source is a ring or a smooth round patch: it shows no axis of jets or lobes",
  "one_sided": "a point source at the position is linked to extended islands on one side only",
  "off_source": "the position is further from the middle of the source than the source is long",
  "recentred": "the frame was moved by over a beam (3 pixels) from the position to the source",
  "artefacts": "over 1 % of the frame is below -3 sigma and -0.2 % of the peak: imaging artefacts",
  "smoothed": "the map was convolved to a wider beam, or to a round one",
  "resampled": "the map was regridded to three pixels a beam",
  "wider_beam": "the source exceeds the frame; the map was smoothed to 2 or 4 times its beam",
  "undersampled": "the file has fewer than two pixels a beam",
  "picture": "the file has no header; 1.8 arcsec a pixel and a beam of 5.4 arcsec were assumed",
  "background": "the sky of the picture was not black; its noise was measured and made black",
  "stretched": "the picture did not use all grey levels; its brightest pixel was made white",
  "inverted": "the picture showed a dark source on a bright sky; its grey levels were reversed",
  "bright_neighbour": "another catalogued source is the brightest in the frame",
  "neighbours_masked": "other catalogued emission in the frame was made black"
};
export const LABEL_MEANINGS: Readonly<Record<string, string>> = {
  "FRI": "edge-darkened radio galaxy",
  "FRII": "edge-brightened radio galaxy",
  "uncertain": "neither class is sure enough, the beam or the pixel scale is unknown, the source is a ring or a round patch or does not reach its position, or artefacts, a neighbour or lobes beyond the frame may be part of it",
  "unresolved": "the source is too small, faint or crowded for this network to tell the class",
  "compact": "the source is too small for the beam to show a class",
  "beyond_frame": "the source reaches the edge of the frame; it is too large for the network",
  "incomplete": "the source reaches unknown pixels (edge of the map, NaN, areas of one value)",
  "no_source": "nothing in the frame peaks above 5 sigma",
  "error": "the image was not classified; the column `error` says why"
};
export const COLUMNS = [
  "path",
  "name",
  "ra",
  "dec",
  "label",
  "p_fri",
  "p_frii",
  "entropy_nats",
  "noise_jy_beam",
  "peak_snr",
  "source_fraction",
  "largest_angular_size_arcsec",
  "centroid_ra",
  "centroid_dec",
  "major_arcsec",
  "minor_arcsec",
  "position_angle_deg",
  "beam_arcsec",
  "frame_ra",
  "frame_dec",
  "offset_arcsec",
  "flags",
  "error",
  "model"
];
export const COLOURS: Readonly<Record<string, readonly string[]>> = {
  "grey": [
    "#000000",
    "#080808",
    "#101010",
    "#181818",
    "#202020",
    "#282828",
    "#303030",
    "#383838",
    "#404040",
    "#484848",
    "#505050",
    "#585858",
    "#606060",
    "#686868",
    "#707070",
    "#787878",
    "#808080",
    "#888888",
    "#909090",
    "#989898",
    "#a0a0a0",
    "#a8a8a8",
    "#b0b0b0",
    "#b8b8b8",
    "#c0c0c0",
    "#c8c8c8",
    "#d0d0d0",
    "#d8d8d8",
    "#e0e0e0",
    "#e8e8e8",
    "#f0f0f0",
    "#f8f8f8",
    "#ffffff"
  ],
  "inferno": [
    "#000004",
    "#040312",
    "#0b0724",
    "#150b37",
    "#210c4a",
    "#2f0a5b",
    "#3d0965",
    "#4a0c6b",
    "#57106e",
    "#64156e",
    "#71196e",
    "#7d1e6d",
    "#8a226a",
    "#972766",
    "#a32c61",
    "#b0315b",
    "#bc3754",
    "#c73e4c",
    "#d24644",
    "#db503b",
    "#e45a31",
    "#eb6628",
    "#f1731d",
    "#f68013",
    "#f98e09",
    "#fb9d07",
    "#fcac11",
    "#fbbc21",
    "#f9cb35",
    "#f5db4c",
    "#f2ea69",
    "#f3f68a",
    "#fcffa4"
  ],
  "attention": [
    "#440154",
    "#470d60",
    "#48186a",
    "#482374",
    "#472d7b",
    "#453781",
    "#424086",
    "#3e4989",
    "#3b528b",
    "#375b8d",
    "#33638d",
    "#2f6b8e",
    "#2c728e",
    "#297a8e",
    "#26828e",
    "#23898e",
    "#21918c",
    "#1f988b",
    "#1fa088",
    "#22a785",
    "#28ae80",
    "#32b67a",
    "#3fbc73",
    "#4ec36b",
    "#5ec962",
    "#70cf57",
    "#84d44b",
    "#98d83e",
    "#addc30",
    "#c2df23",
    "#d8e219",
    "#ece51b",
    "#fde725"
  ],
  "evidence": [
    "#003a66",
    "#004170",
    "#004879",
    "#004f83",
    "#00568c",
    "#005d96",
    "#00649f",
    "#006ba9",
    "#0173b2",
    "#2184bc",
    "#4196c6",
    "#61a8cf",
    "#81b9d9",
    "#a1cbe3",
    "#c1ddec",
    "#e1eef6",
    "#fffefd",
    "#f9eadd",
    "#f4d5bd",
    "#efc19d",
    "#eaad7d",
    "#e4995d",
    "#df853d",
    "#da701d",
    "#d45d00",
    "#c95800",
    "#bd5200",
    "#b24c00",
    "#a64600",
    "#9b4000",
    "#8f3a00",
    "#843400",
    "#7a2f00"
  ]
};
export const CLASS_COLOURS = [
  "#0072B2",
  "#D55E00"
] as const;
